/* The module `femtousb` of an image for boards with RP2040 and RP2350: `audio` is board.usb_audio. */
#include "py/runtime.h"

#include "uac.h"

/* TinyUSB asks for the drivers beside its own; MicroPython has one, ours comes before it. */
extern const usbd_class_driver_t *__real_usbd_app_driver_get_cb(uint8_t *count);

const usbd_class_driver_t *__wrap_usbd_app_driver_get_cb(uint8_t *count)
{
    static usbd_class_driver_t drivers[2];
    uint8_t others;

    drivers[0] = uac_driver;
    drivers[1] = *__real_usbd_app_driver_get_cb(&others);
    *count = MP_ARRAY_SIZE(drivers);
    return drivers;
}

/* alt(itf) -> present alternate setting */
static mp_obj_t audio_alt(mp_obj_t self, mp_obj_t interface)
{
    return MP_OBJ_NEW_SMALL_INT(uac_alternate(mp_obj_get_int(interface)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(audio_alt_obj, audio_alt);

/* read(buf[, start]) -> octets put into buf, 16-bit samples, from sample `start` on */
static mp_obj_t audio_read(size_t count, const mp_obj_t *args)
{
    size_t start = count > 2 ? 2 * (size_t)mp_obj_get_int(args[2]) : 0;
    mp_buffer_info_t buf;

    mp_get_buffer_raise(args[1], &buf, MP_BUFFER_WRITE);
    if (start > buf.len)
        mp_raise_ValueError(MP_ERROR_TEXT("start"));
    return MP_OBJ_NEW_SMALL_INT(uac_read((uint8_t *)buf.buf + start, buf.len - start));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(audio_read_obj, 2, 3, audio_read);

/* write(buf) -> octets taken */
static mp_obj_t audio_write(mp_obj_t self, mp_obj_t data)
{
    mp_buffer_info_t buf;

    mp_get_buffer_raise(data, &buf, MP_BUFFER_READ);
    return MP_OBJ_NEW_SMALL_INT(uac_write(buf.buf, buf.len));
}
static MP_DEFINE_CONST_FUN_OBJ_2(audio_write_obj, audio_write);

/* space() -> octets that write would take */
static mp_obj_t audio_space(mp_obj_t self)
{
    return MP_OBJ_NEW_SMALL_INT(uac_space());
}
static MP_DEFINE_CONST_FUN_OBJ_1(audio_space_obj, audio_space);

static const mp_rom_map_elem_t audio_names[] = {
    {MP_ROM_QSTR(MP_QSTR_alt), MP_ROM_PTR(&audio_alt_obj)},
    {MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&audio_read_obj)},
    {MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&audio_write_obj)},
    {MP_ROM_QSTR(MP_QSTR_space), MP_ROM_PTR(&audio_space_obj)},
};
static MP_DEFINE_CONST_DICT(audio_dict, audio_names);

/* Attributes: mute (bool), volume (1/256 dB), gaps (frames and octets lost). */
static void audio_attr(mp_obj_t self, qstr name, mp_obj_t *target)
{
    if (target[0] != MP_OBJ_NULL)
        return; /* none can be set */
    if (name == MP_QSTR_mute)
        target[0] = mp_obj_new_bool(uac_mute());
    else if (name == MP_QSTR_volume)
        target[0] = MP_OBJ_NEW_SMALL_INT(uac_volume());
    else if (name == MP_QSTR_gaps)
        target[0] = mp_obj_new_int_from_uint(uac_gaps());
    else
        target[1] = MP_OBJ_SENTINEL; /* look it up in the dictionary */
}

static MP_DEFINE_CONST_OBJ_TYPE(
    audio_type, MP_QSTR_UsbAudio, MP_TYPE_FLAG_NONE, attr, audio_attr, locals_dict, &audio_dict
    );
static const mp_obj_base_t audio_obj = {&audio_type};

static const mp_rom_map_elem_t names[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_femtousb)},
    {MP_ROM_QSTR(MP_QSTR_audio), MP_ROM_PTR(&audio_obj)},
};
static MP_DEFINE_CONST_DICT(globals, names);

const mp_obj_module_t femtousb_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&globals,
};

MP_REGISTER_MODULE(MP_QSTR_femtousb, femtousb_module);
