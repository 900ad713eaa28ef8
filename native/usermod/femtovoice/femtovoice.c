/* The module `femtovoice` as a part of an image. */
#include "py/runtime.h"

#include "glue.h"

static const mp_rom_map_elem_t names[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_femtovoice)},
    {MP_ROM_QSTR(MP_QSTR_ec_size), MP_ROM_PTR(&voice_ec_size_obj)},
    {MP_ROM_QSTR(MP_QSTR_ec_init), MP_ROM_PTR(&voice_ec_init_obj)},
    {MP_ROM_QSTR(MP_QSTR_ec_reset), MP_ROM_PTR(&voice_ec_reset_obj)},
    {MP_ROM_QSTR(MP_QSTR_ec_freeze), MP_ROM_PTR(&voice_ec_freeze_obj)},
    {MP_ROM_QSTR(MP_QSTR_ec_process), MP_ROM_PTR(&voice_ec_process_obj)},
    {MP_ROM_QSTR(MP_QSTR_ec_stats), MP_ROM_PTR(&voice_ec_stats_obj)},
    {MP_ROM_QSTR(MP_QSTR_ec_path), MP_ROM_PTR(&voice_ec_path_obj)},
    {MP_ROM_QSTR(MP_QSTR_ulaw_encode), MP_ROM_PTR(&voice_ulaw_encode_obj)},
    {MP_ROM_QSTR(MP_QSTR_ulaw_decode), MP_ROM_PTR(&voice_ulaw_decode_obj)},
    {MP_ROM_QSTR(MP_QSTR_alaw_encode), MP_ROM_PTR(&voice_alaw_encode_obj)},
    {MP_ROM_QSTR(MP_QSTR_alaw_decode), MP_ROM_PTR(&voice_alaw_decode_obj)},
    {MP_ROM_QSTR(MP_QSTR_gsm_fr_size), MP_ROM_PTR(&voice_gsm_fr_size_obj)},
    {MP_ROM_QSTR(MP_QSTR_gsm_fr_init), MP_ROM_PTR(&voice_gsm_fr_init_obj)},
    {MP_ROM_QSTR(MP_QSTR_gsm_fr_encode), MP_ROM_PTR(&voice_gsm_fr_encode_obj)},
    {MP_ROM_QSTR(MP_QSTR_gsm_fr_decode), MP_ROM_PTR(&voice_gsm_fr_decode_obj)},
    {MP_ROM_QSTR(MP_QSTR_gsm_fr_receive), MP_ROM_PTR(&voice_gsm_fr_receive_obj)},
    {MP_ROM_QSTR(MP_QSTR_pcm_halve), MP_ROM_PTR(&voice_pcm_halve_obj)},
};
static MP_DEFINE_CONST_DICT(globals, names);

const mp_obj_module_t femtovoice_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&globals,
};

MP_REGISTER_MODULE(MP_QSTR_femtovoice, femtovoice_module);
