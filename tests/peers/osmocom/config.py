"""What the programs are configured with: one cell, PLMN 001-01, LAC 1, on the carriers that the box has.

ARFCN 50 broadcasts and has an SDCCH/4, ARFCN 60 an SDCCH/8; each has traffic channels. Which of them come first is the
controller's channel allocator: descending begins with ARFCN 60.
"""

from string import Template

HLR, STP, MGW, MSC, BSC = 4258, 4239, 4243, 4254, 4242  # ports of their command lines

PLAIN = {
    "osmo-hlr": """
hlr
 subscriber-create-on-demand no-msisdn none
 ussd route prefix *#100# internal own-msisdn
 gsup
  bind ip 127.0.0.1
""",
    "osmo-stp": """
cs7 instance 0
 xua rkm routing-key-allocation dynamic-permitted
 listen m3ua 2905
  accept-asp-connections dynamic-permitted
  local-ip 127.0.0.1
""",
    "osmo-mgw": """
mgcp
 bind ip 127.0.0.1
 bind port 2427
 rtp port-range 4002 4097
 rtp bind-ip 127.0.0.1
 number endpoints 31
""",
    "osmo-msc": """
network
 network country code 001
 mobile network code 01
 short name femto
 long name femtojack
 encryption a5 0 1
 authentication required
 mm info 1
msc
 mgw remote-ip 127.0.0.1
 mgw remote-port 2427
 assign-tmsi
 check-imei-rqd early
""",
    "osmo-bts-virtual": """
phy 0
 instance 0
 instance 1
bts 0
 band GSM900
 ipa unit-id 6969 0
 oml remote-ip 127.0.0.1
 pcu-socket pcu
 trx 0
  phy 0 instance 0
 trx 1
  phy 0 instance 1
""",
}

CONTROLLER = Template("""
e1_input
 e1_line 0 driver ipa
network
 network country code 001
 mobile network code 01
 encryption a5 0 1
 neci 1
 paging any use tch 0
 handover 0
 bts 0
  type osmo-bts
  band GSM900
  cell_identity 6969
  location_area_code 1
  base_station_id_code 63
  ms max power 15
  radio-link-timeout 32
  channel allocator descending
  channel-description attach 1
  channel-description bs-pa-mfrms 5
  channel-description bs-ag-blks-res 1
  early-classmark-sending forbidden
  ipa unit-id 6969 0
  oml ipa stream-id 255 line 0
  codec-support fr
  gprs mode none
$carriers
msc 0
 allow-emergency allow
 codec-list fr1
 mgw remote-ip 127.0.0.1
 mgw remote-port 2427
""")

CARRIER = Template("""\
  trx $number
   rf_locked 0
   arfcn $arfcn
   nominal power 23
   max_power_red 0
   rsl e1 tei 0
""")
SLOT = Template("""\
   timeslot $number
    phys_chan_config $kind
""")

BROADCAST, DEDICATED = 50, 60  # ARFCNs
EXTERNAL_CALL_CONTROL = " mncc external mncc\n"  # the end of the MSC's configuration; a socket in its folder
SLOTS = {BROADCAST: ["CCCH+SDCCH4"] + 7 * ["TCH/F"], DEDICATED: ["TCH/F", "SDCCH8"] + 6 * ["TCH/F"]}


def configurations(external=False):
    """{program: its configuration}; `external`: calls are not switched by the MSC itself but by osmocom.mncc."""
    carriers = "".join(
        CARRIER.substitute(number=number, arfcn=arfcn)
        + "".join(SLOT.substitute(number=slot, kind=kind) for slot, kind in enumerate(kinds))
        for number, (arfcn, kinds) in enumerate(SLOTS.items())
    )
    msc = PLAIN["osmo-msc"] + (EXTERNAL_CALL_CONTROL if external else "")
    return PLAIN | {"osmo-msc": msc, "osmo-bsc": CONTROLLER.substitute(carriers=carriers)}
