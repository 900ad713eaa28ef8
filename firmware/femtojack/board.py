"""The Board contract: all that the firmware knows of where it runs.

`App(board)` is the only seam. A board is any object with the attributes below; there is no class to derive
from. Sizes are in bytes unless a line says samples. Buffers belong to the caller; a board keeps none past the
call. OSError means lost hardware and nothing else; what is lost on the wire is silent.

Time: `App.step(now)` gets milliseconds modulo 2**30 (femtojack.ticks) and returns the next deadline in the
same ticks, less than 2**29 ms ahead, or None to be woken by input only. Time stands still inside a step.
A step is due at its deadline and at every input: a PCM block, a datagram, an edge of an interrupt pin.

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

Network: `udp`, None where there is none (femtojack.call.loopback)
    udp.open(port) -> socket          OSError if it cannot be had
    socket.recv_into(buf, addr) -> n  -1 when nothing waits; a longer datagram is cut to len(buf)
    socket.send(buf, n, addr)         the first n octets of buf
    socket.close()
        addr is a bytearray of 6: IPv4 address and port, both in network order.
    address                           own IPv4 address, 4 octets

The rest
    config                            plain dict, see femtojack.config
    trace(point, data)                instrumentation: a short str and bytes-like data, nothing else
    entropy(buf)                      fill with random octets
    wait_ms(n)                        the one wait there is: boot only; hardware runs, the App does not
    run(app)                          the loop: calls app.step for ever
"""

from micropython import const

BLOCK = const(80)  # samples in a PCM block, 10 ms at 8 kHz

VOICE_NLP = const(1)
VOICE_COMFORT_NOISE = const(2)
