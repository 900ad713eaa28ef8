"""The Board contract: all that the firmware knows of where it runs.

`App(board)` is the only seam. A board is any object with the attributes below; there is no class to derive
from. Sizes are in bytes unless a line says samples. Buffers belong to the caller; a board keeps none past the
call. OSError means lost hardware and nothing else; what is lost on the wire is silent.

Time: `App.step(now)` gets milliseconds modulo 2**30 (femtojack.ticks) and returns the next deadline in the
same ticks, less than 2**29 ms ahead, or None to be woken by input only. Time stands still inside a step.
A step is due at its deadline and at every input: a PCM block, a datagram, an edge of an interrupt pin, a USB callback.

SLIC
    spi_slic.write_readinto(tx, rx)   one SPI transfer, len(tx) == len(rx); SPI mode 3, at most 16 MHz
    cs_slic.value(level)              chip select, 0 = selected
    reset_slic.value(level)           reset pin, 0 = in reset
    int_slic.value()                  level of the interrupt pin, 0 = asserted

PCM
    pcm.exchange(play, captured, ref) -> bool
        One block: three array('h') of 80 samples, 8 kHz, 16-bit linear. `play` goes to the line, `captured` came
        from it, and `ref` is what was played during exactly the sample times of `captured`: the canceller's Rin.
        False when no block is due; then nothing is taken or given. The port buffers two blocks: what is given at
        one exchange is played while the block after the next is captured.

voice (native code; state is a bytearray of the caller)
    ec_size(taps) -> bytes of state
    ec_init(state, taps, flags)       flags: VOICE_NLP, VOICE_COMFORT_NOISE
    ec_reset(state)                   forget the learnt path
    ec_freeze(state, on)              stop adapting while on
    ec_process(state, rin, sin, sout) array('h') of one length
    ulaw_encode(pcm, out), ulaw_decode(octets, out), alaw_encode(pcm, out), alaw_decode(octets, out)
    pcm_halve(pcm, out)               half the sampling rate: HALVE_PAST samples of before, then twice len(out)
    gsm_fr_size() -> bytes of state   a GSM full rate codec, both directions of one call (native/gsm_fr.h)
    gsm_fr_init(state)
    gsm_fr_encode(state, pcm, frame)  160 samples to 33 octets
    gsm_fr_decode(state, frame, pcm) -> bool
        33 octets to 160 samples; False, and nothing done, when they are no frame: they do not begin with 1101.
    gsm_fr_receive(state, frame, pcm) -> int
        The same for what comes from the far end, once every 20 ms; frame is None when none came or it was bad.
        GSM_LOST: it was none, and the last one is played again, fading; GSM_SPEECH; GSM_SID: comfort noise.

Network: `udp`, None where there is none (femtojack.call.loopback)
    udp.open(port) -> socket          OSError if it cannot be had
    socket.recv_into(buf, addr) -> n  -1 when nothing waits; a longer datagram is cut to len(buf)
    socket.send(buf, n, addr)         the first n octets of buf
    socket.close()
        addr is a bytearray of 6: IPv4 address and port, both in network order.
    address                           own IPv4 address, 4 octets

GSM
    l1                                None, or the mailbox of the baseband (femtojack.gsm.l1 has registers and messages)
    l1.irq.value()                    1 while an enabled bit of IRQ_STAT stands; a step is due at each message up
    l1.read(register) -> int, l1.write(register, value)  16 bits; rare
    l1.recv_into(buf) -> n            the next message up; 0 when none waits; len(buf) is at least 64
    l1.send(buf, n) -> bool           a message down; False: the queue is full, it is counted and not taken

USB
    usb                               None, or an object shaped as machine.USBDevice of MicroPython 1.25:
    usb.config(desc_dev, desc_cfg, desc_strs, open_itf_cb, reset_cb, control_xfer_cb, xfer_cb)
    usb.active(on)
    usb.builtin_driver                None, or functions of the board's image that stay beside the firmware's: an object
        with itf_max, ep_max (the first numbers that are free) and desc_cfg (a configuration descriptor with them alone)
    usb.submit_xfer(ep, buf) -> bool, usb.stall(ep[, on]) -> it was halted
        Callbacks are interrupt-like: they may come between any two bytecodes of a step, and a step is due after each.
        They only note what happened; control_xfer_cb answers from what a step has prepared. At most 4096 octets a
        transfer. OSError from submit_xfer: there is no host (22), or the endpoint is busy or halted (16).
    usb_audio                         None, or the sound card behind the streaming interfaces of the configuration
        descriptor that usb.config() was given. It owns AudioControl's feature unit requests and the AudioStreaming
        interfaces' requests and endpoints. A step is due when data come, at least every 10 ms while they do.
    usb_audio.alt(itf) -> n           present alternate setting of that streaming interface
    usb_audio.read(buf[, start]) -> n octets, whole samples, taken from the playback FIFO into buf from sample start on
    usb_audio.write(buf) -> n         octets, whole samples, put into the capture FIFO
    usb_audio.space() -> n            octets that the capture FIFO has room for
    usb_audio.mute, usb_audio.volume  of the feature unit: bool; 1/256 dB, int
        buf is an array('h') or a memoryview of one: 16-bit linear at the rate of the alternate setting.

Storage
    blocks                            None, or the medium of the CD-ROM drive
    blocks.count                      of 2048 octets; 0: no medium. A new number: the medium was changed
    blocks.read(block, buf)           len(buf) is a multiple of 2048; OSError: it cannot be read
        On a board with a `nor` the disc in the flash takes the place of none (femtojack.flash.blocks)
    store                             None, or small byte strings that outlive the power
    store.get(key) -> bytes or None, store.put(key, data)
        "serial": the identity of a box without a `nor`; "gsm-N": subscribers (femtojack.gsm.subscribers);
        "gsm-auth-IMSI": triplets
    nor                               None, or a serial flash W25Q128 (femtojack.flash.layout)
    nor.spi.write_readinto(tx, rx)    len(tx) == len(rx), which may be one buffer; SPI mode 0 or 3, at most 50 MHz
    nor.cs.value(level)               chip select, 0 = selected
    nor.wp.value(level)               write protect, 0 = the status registers are locked
    nor.slot_size                     octets of a firmware slot that are used, at most femtojack.flash.layout.SLOT_SIZE
        A board with a `nor` has these, too:
    keys                              the Ed25519 public keys that updates are trusted from, 32 octets each
    hardware                          (name, revision): what an image has to be made for
    crypto.ed25519_verify(public, message, signature) -> bool   RFC 8032; femtojack.flash.ed25519 where nothing else is
    led.value(level)                  or None: the lamp, lit while the flash has a fault
    reset()                           start again from power-on, some time after the step
    chosen                            or no such attribute: Boot.chosen, of boot code that loaded this firmware from
        a slot; without it the App's own Boot chooses

The rest
    config                            plain dict, see femtojack.config
    trace(point, data)                instrumentation: a short str and bytes-like data, nothing else
    entropy(buf)                      fill with random octets
    wait_ms(n)                        the one wait there is: boot only; hardware runs, the App does not
    run(app)                          the loop: calls app.step for ever
"""

from micropython import const

BLOCK = const(80)  # samples in a PCM block, 10 ms at 8 kHz

HALVE_PAST = const(38)  # samples before a block that voice.pcm_halve reaches

VOICE_NLP = const(1)
VOICE_COMFORT_NOISE = const(2)

GSM_LOST = const(0)  # what gsm_fr_receive returns
GSM_SPEECH = const(1)
GSM_SID = const(2)
