// A Raspberry Pi Pico in an emulator: rp2040js with a ROM and a flash that keeps what is written, its USB serial port
// on a TCP port, and its SPI bus and pins on another where a host models what is wired to them.
//
//   node pico.mjs '{"emulator": URL of rp2040js, "rom": FILE, "flash": FILE, "wires": [[FROM, TO], ...],
//                   "bus": {"port": N, "spi": 0, "cs": PIN, "reset": PIN, "int": PIN}}'
//
// stdout: one JSON object a line: {"event": "listening", "port"}, {"event": "usb", "ms", "seconds", "descriptors"},
// {"event": "reset"}, {"event": "answer", "data"}, {"event": "recorded", "packets"}.
// stdin: a line "reset" resets the chip; "quit", or its end, writes the flash back and ends. A JSON object is what the
// USB host does: {"request": SETUP, "data": OCTETS}, a control request, told by "answer"; {"play": ENDPOINT, "packets"},
// one each frame; {"record": ENDPOINT, "count": N}, the next N packets, told by "recorded".

import fs from 'node:fs';
import net from 'node:net';
import readline from 'node:readline';

const options = JSON.parse(process.argv[2]);
const { Simulator, USBCDC, ConsoleLogger, LogLevel } = await import(options.emulator);

const XIP = 0x10000000;
const SIE_CTRL = 0x4c; // RP2040 datasheet 4.1.4: USB controller
const PULL_UP = 1 << 16;
const WATCHDOG = 0x40058; // the emulator names a peripheral by its base >> 12
const SLICE = 1e6; // cycles before the host's turn
const BUSY_SLICE = 2e4; // cycles of running code before it
const FIFO_FULL = 500; // of 512 octets towards the device

console.warn = () => {}; // its remark at every start: the second core is not modelled
const tell = (event) => process.stdout.write(JSON.stringify(event) + '\n');
const started = performance.now();
const flash = fs.readFileSync(options.flash);
const waiting = []; // octets for the device
let client = null;
let bus = null;
let board = null;

// -- the chip --------------------------------------------------------------------------------------------------------

// The emulator's own loop looks at the host every 8 ms of the chip's time: long, while code runs. This one looks often.
class QuickSimulator extends Simulator {
  execute() {
    const { rp2040, clock } = this;
    this.executeTimer = null;
    this.stopped = false;
    const cycleNs = 1e9 / rp2040.clkSys;
    let busy = 0;
    for (let cycles = 0; cycles < SLICE && busy < BUSY_SLICE && !this.stopped; ) {
      if (rp2040.core.waiting) {
        const ns = clock.nanosToNextAlarm;
        clock.tick(ns);
        cycles += 1 + ns / cycleNs;
      } else {
        const n = rp2040.core.executeInstruction();
        clock.tick(n * cycleNs);
        cycles += n;
        busy += n;
      }
    }
    if (this.stopped) return;
    if (busy >= BUSY_SLICE) this.next = setImmediate(() => this.execute());
    else this.executeTimer = setTimeout(() => this.execute(), 0);
  }

  stop() {
    clearImmediate(this.next);
    super.stop();
  }
}

class Board {
  constructor(flash) {
    this.sim = new QuickSimulator();
    this.mcu = this.sim.rp2040;
    this.mcu.logger = new ConsoleLogger(LogLevel.Error);
    this.mcu.loadBootrom(rom());
    this.mcu.flash.set(flash);
    this.mcu.peripherals[WATCHDOG].onWatchdogTrigger = () => setImmediate(reset);
    this.mcu.pio.forEach(keepTime);
    this.host = new Host(this);
    this.attach();
    this.watchPullUp();
    for (const [from, to] of options.wires ?? []) this.wire(from, to);
    if (bus) bus.wire(this);
    this.mcu.core.PC = XIP;
    this.sim.execute();
  }

  stop() {
    this.sim.stop();
    this.mcu.pio.forEach((pio) => pio.stop());
    this.dead = true;
  }

  wire(from, to) {
    const { gpio } = this.mcu;
    gpio[from].addListener((state) => gpio[to].setInputValue(!!(state & 1)));
  }

  // The host's side of the serial port: one for each enumeration.
  attach() {
    const usb = this.mcu.usbCtrl;
    this.cdc = new USBCDC(usb);
    this.cdc.onDeviceConnected = () => {
      const seconds = (performance.now() - started) / 1000;
      const { descriptors } = this.cdc;
      tell({ event: 'usb', ms: Math.round(this.sim.clock.nanos / 1e6), seconds, descriptors });
    };
    this.host.join();
    this.cdc.onSerialData = (octets) => client?.write(Buffer.from(octets));
    const enabled = usb.onUSBEnabled;
    let times = 0;
    usb.onUSBEnabled = () => {
      if (times++) this.attach();
      enabled();
    };
  }

  // A device that drops its pull-up and raises it again has other descriptors: enumerate anew.
  watchPullUp() {
    const usb = this.mcu.usbCtrl;
    const write = usb.writeUint32.bind(usb);
    let up = false;
    let first = true;
    usb.writeUint32 = (offset, value) => {
      write(offset, value);
      if (offset !== SIE_CTRL) return;
      const raised = !!(usb.sieCtrl & PULL_UP);
      if (raised && !up) {
        if (!first) {
          this.attach();
          usb.resetDevice();
        }
        first = false;
      }
      up = raised;
    };
  }
}

// What the emulator's host does not: control requests, and frames of 1 ms for isochronous endpoints. It hears of
// endpoint transfers before the serial port's side does.
const FRAME_NS = 1e6;
const FRAME_US = 1000;
const ISOCHRONOUS = 1; // RP2040 datasheet 4.1.2.5.2: buffer type in an endpoint's control register
const AVAILABLE = 1 << 10; // 4.1.2.5.3: the controller has the buffer; the emulator takes it back at once, the chip
const BUFFER_CONTROL = 0x80; // when the packet has gone

class Host {
  constructor(board) {
    this.usb = board.mcu.usbCtrl;
    this.request = null;
    this.playing = new Map(); // endpoint -> packets to come
    this.waiting = new Set(); // OUT endpoints that have a buffer for one
    this.recording = new Map(); // endpoint -> {count, packets}
    const { usb } = this;
    this.memory = board.mcu.usbDPRAMView;
    const ready = usb.indicateBufferReady.bind(usb);
    const gone = (endpoint) => {
      this.hold(endpoint, false, false);
      ready(endpoint, false);
    };
    const alarms = [...Array(16).keys()].map((n) => board.sim.clock.createAlarm(() => gone(n)));
    usb.indicateBufferReady = (endpoint, out) => {
      if (!out && this.isIsochronous(endpoint, out)) {
        this.hold(endpoint, out, true);
        alarms[endpoint].schedule(FRAME_NS);
      } else ready(endpoint, out);
    };
    const finish = usb.finishRead.bind(usb);
    usb.finishRead = (endpoint, octets) => {
      if (this.isIsochronous(endpoint, true)) this.hold(endpoint, true, false);
      finish(endpoint, octets);
    };
  }

  hold(endpoint, out, held) {
    const register = BUFFER_CONTROL + 8 * endpoint + (out ? 4 : 0);
    const value = this.memory.getUint32(register, true);
    this.memory.setUint32(register, held ? value | AVAILABLE : value & ~AVAILABLE, true);
  }

  isIsochronous(endpoint, out) {
    return endpoint > 0 && ((this.usb.readEndpointControlReg(endpoint, out) >>> 26) & 3) === ISOCHRONOUS;
  }

  join() {
    const { usb } = this;
    const { onEndpointWrite, onEndpointRead } = usb;
    usb.onEndpointWrite = (endpoint, octets) => {
      if (endpoint === 0 && this.request) this.answered(octets);
      else if (this.isIsochronous(endpoint, false)) this.record(endpoint, octets);
      else onEndpointWrite(endpoint, octets);
    };
    usb.onEndpointRead = (endpoint, size) => {
      if (endpoint === 0 && this.request) usb.endpointReadDone(0, this.request.data.subarray(0, size));
      else if (this.isIsochronous(endpoint, true)) {
        this.hold(endpoint, true, true);
        this.play(endpoint);
      } else onEndpointRead(endpoint, size);
    };
  }

  ask(setup, data) {
    this.request = { data: Uint8Array.from(data) };
    this.usb.sendSetupPacket(Uint8Array.from(setup));
  }

  answered(octets) {
    this.request = null;
    tell({ event: 'answer', data: [...octets] });
  }

  play(endpoint, packets) {
    if (packets) this.playing.set(endpoint, [...(this.playing.get(endpoint) ?? []), ...packets]);
    else this.waiting.add(endpoint);
    const packet = this.waiting.has(endpoint) && this.playing.get(endpoint)?.shift();
    if (!packet) return;
    this.waiting.delete(endpoint);
    this.usb.endpointReadDone(endpoint, Uint8Array.from(packet), FRAME_US);
  }

  record(endpoint, octets) {
    const wanted = this.recording.get(endpoint);
    if (!wanted) return;
    wanted.packets.push([...octets]);
    if (wanted.packets.length < wanted.count) return;
    this.recording.delete(endpoint);
    tell({ event: 'recorded', packets: wanted.packets });
  }

  take(command) {
    if (command.request) this.ask(command.request, command.data);
    if (command.play) this.play(command.play, command.packets);
    if (command.record) this.recording.set(command.record, { count: command.count, packets: [] });
  }
}

function rom() {
  const image = Buffer.alloc(16384);
  fs.readFileSync(options.rom).copy(image);
  return new Uint32Array(image.buffer, image.byteOffset, image.length / 4);
}

// The emulator steps a PIO as fast as it can; here it keeps the clock of its first state machine that runs.
function keepTime(pio) {
  const clock = pio.rp2040.clock;
  const alarm = clock.createAlarm(() => {
    if (pio.stopped) return;
    const machine = pio.machines.find((m) => m.enabled) ?? pio.machines[0];
    const before = machine.cycles;
    pio.step();
    const cycles = Math.max(machine.cycles - before, 1); // an instruction, and its delay
    const divider = (machine.clockDivInt || 65536) + machine.clockDivFrac / 256;
    alarm.schedule((cycles * divider * 1e9) / pio.rp2040.clkSys);
  });
  pio.run = () => alarm.schedule(0);
}

function reset() {
  flash.set(board.mcu.flash.subarray(0, flash.length));
  board.stop();
  client?.destroy(); // a real port is gone, too
  tell({ event: 'reset' });
  board = new Board(flash);
}

function save() {
  fs.writeFileSync(options.flash, board.mcu.flash.subarray(0, flash.length));
}

// -- the serial port -------------------------------------------------------------------------------------------------

const server = net.createServer((socket) => {
  client?.destroy();
  client = socket;
  waiting.length = 0;
  socket.setNoDelay(true);
  socket.on('data', (octets) => {
    for (const octet of octets) waiting.push(octet);
    feed();
  });
  socket.on('close', () => {
    if (client === socket) client = null;
  });
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => tell({ event: 'listening', port: server.address().port }));

function feed() {
  const cdc = board.cdc;
  while (waiting.length && cdc.txFIFO.itemCount < FIFO_FULL) cdc.sendSerialByte(waiting.shift());
  if (waiting.length) setTimeout(feed, 1);
}

// -- the bus ---------------------------------------------------------------------------------------------------------

// What is wired to the SPI bus and the pins is modelled by a host. Records to the host have ten octets: kind, value, the
// chip's time in ns (little-endian); records to us two: kind, value.
//   to the host    's' octet out; 't' time passes; 'c' chip select; 'r' reset pin
//   to us          's' octet in and 't' answer theirs; 'i' level of the interrupt pin
// The chip stands still while the host answers.
const TICK_NS = 2e6;

class Bus {
  constructor(socket, options) {
    this.socket = socket;
    this.options = options;
    this.board = null;
    this.half = null;
    socket.setNoDelay(true);
    socket.on('data', (octets) => {
      for (const octet of octets) this.take(octet);
    });
    socket.on('close', () => process.exit(1));
  }

  wire(board) {
    const { spi, cs, reset, int } = this.options;
    this.board = board;
    board.mcu.spi[spi].onTransmit = (octet) => this.ask('s', octet);
    board.mcu.gpio[cs].addListener((state) => this.send('c', state & 1));
    board.mcu.gpio[reset].addListener((state) => this.send('r', state & 1));
    board.mcu.gpio[int].setInputValue(true);
    const alarm = board.sim.clock.createAlarm(() => {
      alarm.schedule(TICK_NS);
      this.ask('t', 0);
    });
    alarm.schedule(TICK_NS);
  }

  ask(kind, value) {
    this.waits = (this.waits ?? 0) + 1;
    this.board.sim.stop();
    this.send(kind, value);
  }

  send(kind, value) {
    const record = Buffer.alloc(10);
    record.writeUInt8(kind.charCodeAt(0), 0);
    record.writeUInt8(value & 0xff, 1);
    record.writeBigUInt64LE(BigInt(Math.round(this.board.sim.clock.nanos)), 2);
    this.socket.write(record);
  }

  take(octet) {
    if (this.half === null) {
      this.half = octet;
      return;
    }
    const kind = String.fromCharCode(this.half);
    this.half = null;
    const { spi, int } = this.options;
    if (kind === 'i') {
      this.board.mcu.gpio[int].setInputValue(!!octet);
      return;
    }
    if (kind === 's' && !this.board.dead) this.board.mcu.spi[spi].completeTransmit(octet);
    this.waits -= 1;
    if (this.waits === 0 && !this.board.dead) this.board.sim.execute();
  }
}

// -- begin and end ---------------------------------------------------------------------------------------------------

function quit() {
  save();
  process.exit(0);
}

if (options.bus) {
  const socket = net.connect(options.bus.port, '127.0.0.1');
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  bus = new Bus(socket, options.bus);
}
board = new Board(flash);
const commands = readline.createInterface({ input: process.stdin });
commands.on('line', (line) => {
  if (line === 'reset') reset();
  else if (line === 'quit') quit();
  else board.host.take(JSON.parse(line));
});
commands.on('close', quit);
