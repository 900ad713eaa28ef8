/* The module `femtovoice` as a native .mpy: for images that were built without it. */
#include "py/dynruntime.h"

#include "glue.h"

/* A .mpy is linked with no C library; the image has these. */
void *memcpy(void *target, const void *source, size_t n)
{
    return mp_fun_table.memmove_(target, source, n);
}

void *memmove(void *target, const void *source, size_t n)
{
    return mp_fun_table.memmove_(target, source, n);
}

void *memset(void *target, int value, size_t n)
{
    return mp_fun_table.memset_(target, value, n);
}

mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args)
{
    MP_DYNRUNTIME_INIT_ENTRY
    mp_store_global(MP_QSTR_ec_size, MP_OBJ_FROM_PTR(&voice_ec_size_obj));
    mp_store_global(MP_QSTR_ec_init, MP_OBJ_FROM_PTR(&voice_ec_init_obj));
    mp_store_global(MP_QSTR_ec_reset, MP_OBJ_FROM_PTR(&voice_ec_reset_obj));
    mp_store_global(MP_QSTR_ec_freeze, MP_OBJ_FROM_PTR(&voice_ec_freeze_obj));
    mp_store_global(MP_QSTR_ec_process, MP_OBJ_FROM_PTR(&voice_ec_process_obj));
    mp_store_global(MP_QSTR_ec_stats, MP_OBJ_FROM_PTR(&voice_ec_stats_obj));
    mp_store_global(MP_QSTR_ec_path, MP_OBJ_FROM_PTR(&voice_ec_path_obj));
    mp_store_global(MP_QSTR_ulaw_encode, MP_OBJ_FROM_PTR(&voice_ulaw_encode_obj));
    mp_store_global(MP_QSTR_ulaw_decode, MP_OBJ_FROM_PTR(&voice_ulaw_decode_obj));
    mp_store_global(MP_QSTR_alaw_encode, MP_OBJ_FROM_PTR(&voice_alaw_encode_obj));
    mp_store_global(MP_QSTR_alaw_decode, MP_OBJ_FROM_PTR(&voice_alaw_decode_obj));
    mp_store_global(MP_QSTR_gsm_fr_size, MP_OBJ_FROM_PTR(&voice_gsm_fr_size_obj));
    mp_store_global(MP_QSTR_gsm_fr_init, MP_OBJ_FROM_PTR(&voice_gsm_fr_init_obj));
    mp_store_global(MP_QSTR_gsm_fr_encode, MP_OBJ_FROM_PTR(&voice_gsm_fr_encode_obj));
    mp_store_global(MP_QSTR_gsm_fr_decode, MP_OBJ_FROM_PTR(&voice_gsm_fr_decode_obj));
    mp_store_global(MP_QSTR_gsm_fr_receive, MP_OBJ_FROM_PTR(&voice_gsm_fr_receive_obj));
    mp_store_global(MP_QSTR_pcm_halve, MP_OBJ_FROM_PTR(&voice_pcm_halve_obj));
    MP_DYNRUNTIME_INIT_EXIT
}
