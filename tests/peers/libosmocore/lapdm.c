/* One end of a dedicated channel as libosmocore's LAPDm has it, by lines on stdin and stdout, in a time of its own.
 *
 *   lapdm ms|bts SDCCH|FACCH T200-ms
 *
 * LINK is a link identifier of TS 48.058 9.3.2 in hexadecimal: 00, 03, 40 or 43. Each command ends with a line "."
 *   frame LINK HEX        a block of 23 octets came
 *   poll LINK             a block may go: "frame HEX", or nothing
 *   wait MS               time passes
 *   reset                 the channel is new
 *   establish LINK [HEX]  data LINK HEX  unit LINK HEX  release LINK  drop LINK (local end release)
 * What layer 3 hears meanwhile, in order:
 *   established LINK [HEX]  confirmed LINK  data LINK HEX  unit LINK HEX  released LINK  gone LINK  error LINK CAUSE */
#include <osmocom/core/application.h>
#include <osmocom/core/logging.h>
#include <osmocom/core/msgb.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>
#include <osmocom/gsm/lapdm.h>
#include <osmocom/gsm/prim.h>
#include <osmocom/gsm/rsl.h>
#include <osmocom/gsm/tlv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SDCCH8 = 0x41, TCH_F = 0x0A, SACCH = 0x40, OCTETS = 256, LINE = 1024, BLOCK = 23, LOCAL_END = 1 };

static struct lapdm_channel channel;
static uint8_t chan_nr;

static const struct value_string indications[] = {
    {RSL_MT_EST_IND, "established"}, {RSL_MT_EST_CONF, "confirmed"}, {RSL_MT_DATA_IND, "data"},
    {RSL_MT_UNIT_DATA_IND, "unit"},  {RSL_MT_REL_IND, "released"},   {RSL_MT_REL_CONF, "gone"},
    {RSL_MT_ERROR_IND, "error"},     {0, NULL}};

static struct lapdm_entity *entity(unsigned link)
{
    return link & SACCH ? &channel.lapdm_acch : &channel.lapdm_dcch;
}

static int tell(struct msgb *msg, struct lapdm_entity *le, void *context)
{
    struct abis_rsl_rll_hdr *head = msgb_l2(msg);
    struct tlv_parsed parts;
    (void)le, (void)context;
    rsl_tlv_parse(&parts, head->data, msgb_l2len(msg) - sizeof *head);
    printf("%s %02x", get_value_string(indications, head->c.msg_type), head->link_id);
    if (TLVP_PRESENT(&parts, RSL_IE_L3_INFO) && TLVP_LEN(&parts, RSL_IE_L3_INFO))
        printf(" %s", osmo_hexdump_nospc(TLVP_VAL(&parts, RSL_IE_L3_INFO), TLVP_LEN(&parts, RSL_IE_L3_INFO)));
    if (TLVP_PRESENT(&parts, RSL_IE_RLM_CAUSE))
        printf(" %02x", *TLVP_VAL(&parts, RSL_IE_RLM_CAUSE));
    putchar('\n');
    msgb_free(msg);
    return 0;
}

static int nothing_by_itself(struct osmo_prim_hdr *prim, void *context) /* blocks go when polled */
{
    (void)context;
    if (prim->msg)
        msgb_free(prim->msg);
    return 0;
}

static struct msgb *with(const uint8_t *octets, int count)
{
    struct msgb *msg = msgb_alloc_headroom(OCTETS + 64, 64, "l3");
    memcpy(msgb_put(msg, count), octets, count);
    return msg;
}

static void block_came(unsigned link, const uint8_t *octets, int count)
{
    struct osmo_phsap_prim prim = {0};
    struct msgb *msg = with(octets, count);
    msg->l2h = msg->data;
    osmo_prim_init(&prim.oph, SAP_GSM_PH, PRIM_PH_DATA, PRIM_OP_INDICATION, msg);
    prim.u.data.chan_nr = chan_nr;
    prim.u.data.link_id = link & SACCH;
    lapdm_phsap_up(&prim.oph, entity(link));
}

static void poll(unsigned link)
{
    struct osmo_phsap_prim prim;
    if (lapdm_phsap_dequeue_prim(entity(link), &prim))
        return;
    printf("frame %s\n", osmo_hexdump_nospc(prim.oph.msg->l2h, msgb_l2len(prim.oph.msg)));
    msgb_free(prim.oph.msg);
}

static void wait(long ms) /* timers go by one of the two clocks, by version of the library */
{
    osmo_clock_override_add(CLOCK_MONOTONIC, ms / 1000, ms % 1000 * 1000000);
    osmo_gettimeofday_override_add(ms / 1000, ms % 1000 * 1000);
    osmo_timers_prepare();
    osmo_timers_update();
}

static void request(uint8_t type, unsigned link, const uint8_t *octets, int count, int mode)
{
    struct msgb *msg = with(octets, count);
    msg->l3h = msg->data;
    if (type == RSL_MT_REL_REQ)
        msgb_tv_push(msg, RSL_IE_RELEASE_MODE, mode);
    if (count)
        rsl_rll_push_l3(msg, type, chan_nr, link, type != RSL_MT_UNIT_DATA_REQ);
    else
        rsl_rll_push_hdr(msg, type, chan_nr, link, 1);
    lapdm_rslms_recvmsg(msg, &channel);
}

static void obey(const char *word, unsigned link, const uint8_t *octets, int count)
{
    if (!strcmp(word, "frame"))
        block_came(link, octets, count);
    else if (!strcmp(word, "poll"))
        poll(link);
    else if (!strcmp(word, "establish"))
        request(RSL_MT_EST_REQ, link, octets, count, 0);
    else if (!strcmp(word, "data"))
        request(RSL_MT_DATA_REQ, link, octets, count, 0);
    else if (!strcmp(word, "unit"))
        request(RSL_MT_UNIT_DATA_REQ, link, octets, count, 0);
    else if (!strcmp(word, "release"))
        request(RSL_MT_REL_REQ, link, octets, 0, 0);
    else if (!strcmp(word, "drop"))
        request(RSL_MT_REL_REQ, link, octets, 0, LOCAL_END);
    else
        exit(2);
}

static void set_up(char **arguments)
{
    static const struct log_info no_categories = {0};
    enum gsm_chan_t kind = strcmp(arguments[2], "FACCH") ? GSM_LCHAN_SDCCH : GSM_LCHAN_TCH_F;
    int t200_ms[_NR_DL_SAPI] = {atoi(arguments[3]), atoi(arguments[3])};
    chan_nr = kind == GSM_LCHAN_SDCCH ? SDCCH8 : TCH_F;
    msgb_talloc_ctx_init(NULL, 0);
    osmo_init_logging2(NULL, &no_categories);
    log_set_log_level(osmo_stderr_target ? osmo_stderr_target : log_target_create_stderr(), LOGL_FATAL);
    osmo_clock_override_enable(CLOCK_MONOTONIC, true);
    osmo_gettimeofday_override = true;
    lapdm_channel_init3(&channel, strcmp(arguments[1], "bts") ? LAPDM_MODE_MS : LAPDM_MODE_BTS, t200_ms, t200_ms,
                        kind, NULL);
    lapdm_channel_set_flags(&channel, LAPDM_ENT_F_POLLING_ONLY);
    lapdm_channel_set_l1(&channel, nothing_by_itself, NULL);
    lapdm_channel_set_l3(&channel, tell, NULL);
}

int main(int count, char **arguments)
{
    char line[LINE], word[16], hex[2 * OCTETS + 1];
    uint8_t octets[OCTETS];
    unsigned number;
    if (count != 4)
        return 2;
    set_up(arguments);
    while (fgets(line, sizeof line, stdin)) {
        hex[0] = 0;
        if (sscanf(line, "wait %u", &number) == 1)
            wait(number);
        else if (!strcmp(line, "reset\n"))
            lapdm_channel_reset(&channel);
        else if (sscanf(line, "%15s %x %512s", word, &number, hex) >= 2)
            obey(word, number, octets, osmo_hexparse(hex, octets, sizeof octets));
        puts(".");
        fflush(stdout);
    }
    return 0;
}
