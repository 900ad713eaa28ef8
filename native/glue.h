/* What both glues for MicroPython share: the functions of the module `femtovoice`, their arguments checked.
 *
 * usermod/ compiles it into an image, natmod/ into a .mpy that an image loads. A state is a bytearray of the caller, PCM
 * is array('h') or a memoryview of one, octets are bytes-like. What does not fit raises ValueError; nothing is allocated
 * but the result of ec_stats, and nothing is kept past a call.
 */
#ifndef FEMTO_GLUE_H
#define FEMTO_GLUE_H

#include "ec.h"
#include "g711.h"
#include "gsm_fr.h"
#include "resample.h"

enum { STATE_ALIGNMENT = 8, FIGURES = sizeof(ec_stats_t) / sizeof(int32_t) };

/* -- arguments -- */

static mp_buffer_info_t buffer_of(mp_obj_t object, mp_uint_t access)
{
    mp_buffer_info_t buffer;

    mp_get_buffer_raise(object, &buffer, access);
    return buffer;
}

static mp_buffer_info_t pcm_of(mp_obj_t object, mp_uint_t access)
{
    mp_buffer_info_t pcm = buffer_of(object, access);

    if (pcm.typecode != 'h')
        mp_raise_ValueError(MP_ERROR_TEXT("PCM must be array('h')"));
    return pcm;
}

static int taps_of(mp_obj_t object)
{
    mp_int_t taps = mp_obj_get_int(object);

    if (taps < EC_TAPS_MIN || taps > EC_TAPS_MAX || ec_size((int)taps) == 0)
        mp_raise_ValueError(MP_ERROR_TEXT("taps must be 16..1024, a multiple of 16"));
    return (int)taps;
}

static mp_buffer_info_t memory_of(mp_obj_t object)
{
    mp_buffer_info_t memory = buffer_of(object, MP_BUFFER_RW);

    if ((uintptr_t)memory.buf % STATE_ALIGNMENT)
        mp_raise_ValueError(MP_ERROR_TEXT("state must be aligned to 8"));
    return memory;
}

/* A state that ec_init made; it begins with its own size. */
static void *state_of(mp_obj_t object)
{
    mp_buffer_info_t memory = memory_of(object);
    int32_t size = memory.len < sizeof(int32_t) ? 0 : *(int32_t *)memory.buf;

    if (size <= 0 || (size_t)size > memory.len)
        mp_raise_ValueError(MP_ERROR_TEXT("state was not initialised: ec_init comes first"));
    return memory.buf;
}

static void check_equal(size_t one, size_t other)
{
    if (one != other)
        mp_raise_ValueError(MP_ERROR_TEXT("lengths must be equal"));
}

/* -- canceller -- */

static mp_obj_t voice_ec_size(mp_obj_t taps)
{
    return mp_obj_new_int(ec_size(taps_of(taps)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(voice_ec_size_obj, voice_ec_size);

static mp_obj_t voice_ec_init(mp_obj_t state, mp_obj_t taps_in, mp_obj_t flags)
{
    mp_buffer_info_t memory = memory_of(state);
    int taps = taps_of(taps_in);

    if (memory.len < (size_t)ec_size(taps))
        mp_raise_ValueError(MP_ERROR_TEXT("state is smaller than ec_size(taps)"));
    ec_init(memory.buf, taps, (unsigned)mp_obj_get_int(flags));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(voice_ec_init_obj, voice_ec_init);

static mp_obj_t voice_ec_reset(mp_obj_t state)
{
    ec_reset(state_of(state));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(voice_ec_reset_obj, voice_ec_reset);

static mp_obj_t voice_ec_freeze(mp_obj_t state, mp_obj_t on)
{
    ec_freeze(state_of(state), mp_obj_is_true(on));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(voice_ec_freeze_obj, voice_ec_freeze);

/* (state, rin, sin, sout) */
static mp_obj_t voice_ec_process(size_t n, const mp_obj_t *arguments)
{
    void *state = state_of(arguments[0]);
    mp_buffer_info_t rin = pcm_of(arguments[1], MP_BUFFER_READ);
    mp_buffer_info_t sin = pcm_of(arguments[2], MP_BUFFER_READ);
    mp_buffer_info_t sout = pcm_of(arguments[3], MP_BUFFER_WRITE);

    (void)n;
    check_equal(rin.len, sin.len);
    check_equal(rin.len, sout.len);
    ec_process(state, rin.buf, sin.buf, sout.buf, (int32_t)(rin.len / sizeof(int16_t)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(voice_ec_process_obj, 4, 4, voice_ec_process);

/* The figures of ec_stats_t, a tuple in their order. */
static mp_obj_t voice_ec_stats(mp_obj_t state)
{
    mp_obj_t items[FIGURES];
    union {
        ec_stats_t stats;
        int32_t figures[FIGURES];
    } all;

    ec_stats(state_of(state), &all.stats);
    for (size_t i = 0; i < FIGURES; i++)
        items[i] = mp_obj_new_int(all.figures[i]);
    return mp_obj_new_tuple(FIGURES, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(voice_ec_stats_obj, voice_ec_stats);

/* The learnt path into array('h') of `taps` values, in units of 1 / EC_PATH_ONE. */
static mp_obj_t voice_ec_path(mp_obj_t state_in, mp_obj_t out)
{
    void *state = state_of(state_in);
    mp_buffer_info_t path = pcm_of(out, MP_BUFFER_WRITE);
    ec_stats_t stats;

    ec_stats(state, &stats);
    check_equal(path.len, (size_t)stats.taps * sizeof(int16_t));
    ec_path(state, path.buf);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(voice_ec_path_obj, voice_ec_path);

/* -- companding -- */

static mp_obj_t encode(mp_obj_t pcm_in, mp_obj_t out, void (*encoder)(const int16_t *, uint8_t *, int32_t))
{
    mp_buffer_info_t pcm = pcm_of(pcm_in, MP_BUFFER_READ), octets = buffer_of(out, MP_BUFFER_WRITE);

    check_equal(pcm.len, octets.len * sizeof(int16_t));
    encoder(pcm.buf, octets.buf, (int32_t)octets.len);
    return mp_const_none;
}

static mp_obj_t decode(mp_obj_t octets_in, mp_obj_t out, void (*decoder)(const uint8_t *, int16_t *, int32_t))
{
    mp_buffer_info_t octets = buffer_of(octets_in, MP_BUFFER_READ), pcm = pcm_of(out, MP_BUFFER_WRITE);

    check_equal(pcm.len, octets.len * sizeof(int16_t));
    decoder(octets.buf, pcm.buf, (int32_t)octets.len);
    return mp_const_none;
}

static mp_obj_t voice_ulaw_encode(mp_obj_t pcm, mp_obj_t out)
{
    return encode(pcm, out, ulaw_encode);
}
static MP_DEFINE_CONST_FUN_OBJ_2(voice_ulaw_encode_obj, voice_ulaw_encode);

static mp_obj_t voice_ulaw_decode(mp_obj_t octets, mp_obj_t out)
{
    return decode(octets, out, ulaw_decode);
}
static MP_DEFINE_CONST_FUN_OBJ_2(voice_ulaw_decode_obj, voice_ulaw_decode);

static mp_obj_t voice_alaw_encode(mp_obj_t pcm, mp_obj_t out)
{
    return encode(pcm, out, alaw_encode);
}
static MP_DEFINE_CONST_FUN_OBJ_2(voice_alaw_encode_obj, voice_alaw_encode);

static mp_obj_t voice_alaw_decode(mp_obj_t octets, mp_obj_t out)
{
    return decode(octets, out, alaw_decode);
}
static MP_DEFINE_CONST_FUN_OBJ_2(voice_alaw_decode_obj, voice_alaw_decode);

/* -- sampling rate -- */

static mp_obj_t voice_pcm_halve(mp_obj_t in, mp_obj_t out_in)
{
    mp_buffer_info_t samples = pcm_of(in, MP_BUFFER_READ), out = pcm_of(out_in, MP_BUFFER_WRITE);

    check_equal(samples.len, 2 * out.len + PCM_HALVE_PAST * sizeof(int16_t));
    pcm_halve(samples.buf, out.buf, (int32_t)(out.len / sizeof(int16_t)));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(voice_pcm_halve_obj, voice_pcm_halve);

/* -- GSM full rate -- */

/* A state that gsm_fr_init made; it begins with GSM_FR_STATE. */
static void *gsm_fr_state_of(mp_obj_t object)
{
    mp_buffer_info_t memory = memory_of(object);

    if (memory.len < (size_t)gsm_fr_size() || *(int32_t *)memory.buf != GSM_FR_STATE)
        mp_raise_ValueError(MP_ERROR_TEXT("state was not initialised: gsm_fr_init comes first"));
    return memory.buf;
}

static int16_t *gsm_fr_pcm_of(mp_obj_t object, mp_uint_t access)
{
    mp_buffer_info_t pcm = pcm_of(object, access);

    check_equal(pcm.len, GSM_FR_SAMPLES * sizeof(int16_t));
    return pcm.buf;
}

static uint8_t *gsm_fr_frame_of(mp_obj_t object, mp_uint_t access)
{
    mp_buffer_info_t frame = buffer_of(object, access);

    check_equal(frame.len, GSM_FR_OCTETS);
    return frame.buf;
}

static mp_obj_t voice_gsm_fr_size(void)
{
    return MP_OBJ_NEW_SMALL_INT(gsm_fr_size());
}
static MP_DEFINE_CONST_FUN_OBJ_0(voice_gsm_fr_size_obj, voice_gsm_fr_size);

static mp_obj_t voice_gsm_fr_init(mp_obj_t state)
{
    mp_buffer_info_t memory = memory_of(state);

    if (memory.len < (size_t)gsm_fr_size())
        mp_raise_ValueError(MP_ERROR_TEXT("state is smaller than gsm_fr_size()"));
    gsm_fr_init(memory.buf);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(voice_gsm_fr_init_obj, voice_gsm_fr_init);

static mp_obj_t voice_gsm_fr_encode(mp_obj_t state_in, mp_obj_t pcm, mp_obj_t frame)
{
    void *state = gsm_fr_state_of(state_in);

    gsm_fr_encode(state, gsm_fr_pcm_of(pcm, MP_BUFFER_READ), gsm_fr_frame_of(frame, MP_BUFFER_WRITE));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(voice_gsm_fr_encode_obj, voice_gsm_fr_encode);

/* False, and nothing done, when the octets are no frame. */
static mp_obj_t voice_gsm_fr_decode(mp_obj_t state_in, mp_obj_t frame, mp_obj_t pcm)
{
    void *state = gsm_fr_state_of(state_in);
    int error = gsm_fr_decode(state, gsm_fr_frame_of(frame, MP_BUFFER_READ), gsm_fr_pcm_of(pcm, MP_BUFFER_WRITE));

    return mp_obj_new_bool(error == 0);
}
static MP_DEFINE_CONST_FUN_OBJ_3(voice_gsm_fr_decode_obj, voice_gsm_fr_decode);

/* frame: None when none came. */
static mp_obj_t voice_gsm_fr_receive(mp_obj_t state_in, mp_obj_t frame, mp_obj_t pcm)
{
    void *state = gsm_fr_state_of(state_in);
    const uint8_t *octets = frame == mp_const_none ? NULL : gsm_fr_frame_of(frame, MP_BUFFER_READ);

    return MP_OBJ_NEW_SMALL_INT(gsm_fr_receive(state, octets, gsm_fr_pcm_of(pcm, MP_BUFFER_WRITE)));
}
static MP_DEFINE_CONST_FUN_OBJ_3(voice_gsm_fr_receive_obj, voice_gsm_fr_receive);

#endif
