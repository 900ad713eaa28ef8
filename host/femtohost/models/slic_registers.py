"""Register maps of the Si3210: direct registers (8 bits) and indirect registers (16 bits).

Source: Si3210/Si3211 datasheet rev 1.61, sections "Control Registers" and "Indirect Registers". The timer
enables of ringing and of pulse metering are RNTAE, RNTIE, PMTAE and PMTIE here: the datasheet's names for them stand
for interrupt enables too.
"""

from femtohost.registers import register


def _timer(address, name, stem, marks=""):
    """A 16-bit timer, 125 us a unit, low octet first."""
    return (
        register(address, f"{name} Timer-Low Byte", "00000000", f"{stem}L 7:0 {marks}"),
        register(address + 1, f"{name} Timer-High Byte", "00000000", f"{stem}H 7:0 {marks}"),
    )


DIRECT = (
    register(0, "SPI Mode Select", "00xxxxxx", "SPIDC 7, SPIM 6 ?, PNI 5:4 r, RNI 3:0 r"),
    register(1, "PCM Mode Select", "00001000", "PNI2 7 r, PCME 5, PCMF 4:3, PCMT 2 ?, GCI 1 ?, TRI 0 ?"),
    register(2, "PCM Transmit Start Count-Low Byte", "00000000", "TXSL 7:0 ?"),
    register(3, "PCM Transmit Start Count-High Byte", "00000000", "TXSH 1:0 ?"),
    register(4, "PCM Receive Start Count-Low Byte", "00000000", "RXSL 7:0 ?"),
    register(5, "PCM Receive Start Count-High Byte", "00000000", "RXSH 1:0 ?"),
    register(6, "Digital Input/Output Control", "00000000", "DOUT 4 ?, DIO2 3 ?, DIO1 2 ?, PD2 1 ?, PD1 0 ?"),
    register(8, "Audio Path Loopback Control", "00000010", "ALM2 2 ?, DLM 1, ALM1 0 ?"),
    register(9, "Audio Gain Control", "00000000", "RXHP 7 ?, TXHP 6 ?, TXM 5, RXM 4, ATX 3:2, ARX 1:0"),
    register(10, "Two-Wire Impedance Synthesis Control", "00001000", "CLC 5:4 ?, TISE 3 ?, TISS 2:0 ?"),
    register(11, "Hybrid Control", "00110011", "HYBP 6:4 ?, HYBA 2:0 ?"),
    register(14, "Powerdown Control 1", "00010000", "PMON 5 ?, DCOF 4, MOF 3 ?, BIASOF 1 ?, SLICOF 0 ?"),
    register(15, "Powerdown Control 2", "00000000", "ADCM 5 ?, ADCON 4 ?, DACM 3 ?, DACON 2 ?, GMM 1 ?, GMON 0 ?"),
    register(
        18,
        "Interrupt Status 1",
        "00000000",
        "PMIP 7 c, PMAP 6 c, RGIP 5 c, RGAP 4 c, O2IP 3 c, O2AP 2 c, O1IP 1 c, O1AP 0 c",
    ),
    register(
        19,
        "Interrupt Status 2",
        "00000000",
        "Q6AP 7 c, Q5AP 6 c, Q4AP 5 c, Q3AP 4 c, Q2AP 3 c, Q1AP 2 c, LCIP 1 c, RTIP 0 c",
    ),
    register(20, "Interrupt Status 3", "00000000", "CMCP 2 c, INDP 1 c, DTMFP 0 c"),
    register(21, "Interrupt Enable 1", "00000000", "PMIE 7, PMAE 6, RGIE 5, RGAE 4, O2IE 3, O2AE 2, O1IE 1, O1AE 0"),
    register(22, "Interrupt Enable 2", "00000000", "Q6AE 7, Q5AE 6, Q4AE 5, Q3AE 4, Q2AE 3, Q1AE 2, LCIE 1, RTIE 0"),
    register(23, "Interrupt Enable 3", "00000000", "CMCE 2, INDE 1, DTMFE 0"),
    register(24, "DTMF Decode Status", "00000000", "VAL 4 r, DIG 3:0 r"),
    register(28, "Indirect Data Access-Low Byte", "00000000", "IDAL 7:0"),
    register(29, "Indirect Data Access-High Byte", "00000000", "IDAH 7:0"),
    register(30, "Indirect Address", "xxxxxxxx", "IAA 7:0"),
    register(31, "Indirect Address Status", "00000000", "IAS 0 r"),
    register(32, "Oscillator 1 Control", "00000000", "OSS1 7 r, REL 6 ?, OZ1 5 ?, O1TAE 4, O1TIE 3, O1E 2, O1SO 1:0"),
    register(33, "Oscillator 2 Control", "00000000", "OSS2 7 r, OZ2 5 ?, O2TAE 4, O2TIE 3, O2E 2, O2SO 1:0"),
    register(
        34, "Ringing Oscillator Control", "00000000", "RSS 7 r, RDAC 5 r, RNTAE 4, RNTIE 3, ROE 2 r, RVO 1, TSWS 0"
    ),
    register(35, "Pulse Metering Oscillator Control", "00000000", "PSTAT 7 r, PMTAE 4 ?, PMTIE 3 ?, PMOE 2 ?"),
    *_timer(36, "Oscillator 1 Active", "OAT1"),
    *_timer(38, "Oscillator 1 Inactive", "OIT1"),
    *_timer(40, "Oscillator 2 Active", "OAT2"),
    *_timer(42, "Oscillator 2 Inactive", "OIT2"),
    *_timer(44, "Pulse Metering Oscillator Active", "PAT", "?"),
    *_timer(46, "Pulse Metering Oscillator Inactive", "PIT", "?"),
    *_timer(48, "Ringing Oscillator Active", "RAT"),
    *_timer(50, "Ringing Oscillator Inactive", "RIT"),
    register(52, "FSK Data", "00000000", "FSKDAT 0 ?"),
    register(63, "Loop Closure Debounce Interval for Automatic Ringing", "00110010", "LCD 7:0"),
    register(64, "Linefeed Control", "00000000", "LFS 6:4 r, LF 2:0"),
    register(
        65, "External Bipolar Transistor Control", "01100001", "SQH 6 ?, CBY 5 ?, ETBE 4 ?, ETBO 3:2 ?, ETBA 1:0 ?"
    ),
    register(66, "Battery Feed Control", "00000011", "VOV 4 ?, FVBAT 3 ?, BATSL 1 ?, TRACK 0"),
    register(
        67,
        "Automatic/Manual Control",
        "00011111",
        "MNCM 6 ?, MNDIF 5 ?, SPDS 4 ?, ABAT 3 ?, AORD 2, AOLD 1, AOPN 0",
    ),
    register(68, "Loop Closure/Ring Trip Detect Status", "00000100", "DBIRAW 2 r, RTP 1 r, LCR 0 r"),
    register(69, "Loop Closure Debounce Interval", "00001010", "LCDI 6:0"),
    register(70, "Ring Trip Detect Debounce Interval", "00001010", "RTDI 6:0"),
    register(71, "Loop Current Limit", "00000000", "ILIM 2:0"),
    register(72, "On-Hook Line Voltage", "00100000", "VSGN 6, VOC 5:0"),
    register(73, "Common Mode Voltage", "00000010", "VCM 5:0"),
    register(74, "High Battery Voltage", "00110010", "VBATH 5:0"),
    register(75, "Low Battery Voltage", "00010000", "VBATL 5:0"),
    register(76, "Power Monitor Pointer", "00000000", "PWRMP 2:0 ?"),
    register(77, "Line Power Output Monitor", "00000000", "PWROM 7:0 r?"),
    register(78, "Loop Voltage Sense", "00000000", "LVSP 6 r, LVS 5:0 r"),
    register(79, "Loop Current Sense", "00000000", "LCSP 6 r, LCS 5:0 r"),
    register(80, "TIP Voltage Sense", "00000000", "VTIP 7:0 r"),
    register(81, "RING Voltage Sense", "00000000", "VRING 7:0 r"),
    register(82, "Battery Voltage Sense 1", "00000000", "VBATS1 7:0 r"),
    register(83, "Battery Voltage Sense 2", "00000000", "VBATS2 7:0 r"),
    *(register(83 + q, f"Transistor {q} Current Sense", "xxxxxxxx", f"IQ{q} 7:0 r?") for q in range(1, 7)),
    register(92, "DC-DC Converter PWM Period", "11111111", "DCN7 7 ?, ONE 6 r, DCN 5:0 ?"),
    register(93, "DC-DC Converter Switching Delay", "00010100", "DCCAL 7 ?, DCPOL 5 r?, DCTOF 4:0 ?"),
    register(94, "DC-DC Converter PWM Pulse Width", "00000000", "DCPW 7:0 r?"),
    register(
        96,
        "Calibration Control/Status Register 1",
        "00011111",
        "CAL 6, CALSP 5, CALR 4, CALT 3, CALD 2, CALC 1, CALIL 0",
    ),
    register(97, "Calibration Control/Status Register 2", "00011111", "CALM1 4, CALM2 3, CALDAC 2, CALADC 1, CALCM 0"),
    register(98, "RING Gain Mismatch Calibration Result", "00010000", "CALGMR 4:0"),
    register(99, "TIP Gain Mismatch Calibration Result", "00010000", "CALGMT 4:0"),
    register(100, "Differential Loop Current Gain Calibration Result", "00010001", "CALGD 4:0"),
    register(101, "Common Mode Loop Current Gain Calibration Result", "00010001", "CALGC 4:0"),
    register(102, "Current Limit Calibration Result", "00001000", "CALGIL 3:0"),
    register(103, "Monitor ADC Offset Calibration Result", "10001000", "CALMG1 7:4, CALMG2 3:0"),
    register(104, "Analog DAC/ADC Offset", "00000000", "DACP 3 ?, DACN 2 ?, ADCP 1 ?, ADCN 0 ?"),
    register(105, "DAC Offset Calibration Result", "00000000", "DACOF 7:0"),
    register(106, "Common Mode Balance Calibration Result", "00100000", "CMBAL 5:0"),
    register(107, "DC Peak Current Monitor Calibration Result", "00001000", "CMDCPK 3:0"),
    register(
        108,
        "Enhancement Enable",
        "00000000",
        "ILIMEN 7 ?, FSKEN 6 ?, DCSU 5 ?, ZSEXT 4 ?, SWDB 3 ?, LCVE 2 ?, DCFIL 1 ?, HYSTEN 0",
    ),
)

# Indirect registers 0..43, then the FSK generator's 99..104.
_DTMF = (
    "ROW0", "ROW1", "ROW2", "ROW3", "COL", "FWDTW", "REVTW", "ROWREL", "COLREL", "ROW2H", "COL2H",
    "PWRMIN", "HOTL",
)  # fmt: skip
_TONES = ("OSC1", "OSC1X", "OSC1Y", "OSC2", "OSC2X", "OSC2Y", "ROFF", "RCO", "RNGX", "RNGY")
_METERING_AND_GAIN = ("PLSD", "PLSX", "PLSCO", "DACG", "ADCG")
_LINE = ("LCRT", "RPTP", "CML", "CMH", "PPT12", "PPT34", "PPT56", "NCLR", "NRTP", "NQ12", "NQ34", "NQ56")
_FEED = ("VCMR", "VMIND", "DCDC_XTRA", "LCRTL")
_FSK = ("FSK0X", "FSK0", "FSK1X", "FSK1", "FSK01", "FSK10")
INDIRECT = dict(enumerate(_DTMF + _TONES + _METERING_AND_GAIN + _LINE + _FEED)) | dict(enumerate(_FSK, 99))
MUST_BE_WRITTEN = range(44)  # undefined after reset, and in use as soon as the line is fed
