"""A kamailio that registers with digest and relays calls between those registered; all of it in one folder."""

import socket
from string import Template

from programs import PATIENCE, Program, free_port, wait_until

DOMAIN = "femto.test"
PASSWORD = "s3cret"

CONFIG = Template("""
debug=0
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:$port
alias="$domain"
auto_aliases=no
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
modparam("usrloc", "db_mode", 0)
modparam("auth", "nonce_expire", 300)

request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("OPTIONS") && $$rU == $$null) { sl_send_reply("200", "OK"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (loose_route()) t_relay();
        else if (is_method("ACK")) { if (t_check_trans()) t_relay(); }
        else sl_send_reply("404", "Not Here");
        exit;
    }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    t_check_trans();
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("$domain", "$password", "0")) { www_challenge("$domain", "1"); exit; }
        if ($$au != $$tU) { sl_send_reply("403", "Not Yours"); exit; }
        if (!save("location")) { sl_reply_error(); exit; }
        if ($$hdr(Expires) == "0") xlog("L_ALERT", "unbound $$tU\\n");
        else xlog("L_ALERT", "bound $$tU\\n");
        exit;
    }
    if (!pv_proxy_authenticate("$domain", "$password", "0")) { proxy_challenge("$domain", "1"); exit; }
    consume_credentials();
    record_route();
    if (!lookup("location")) { sl_send_reply("404", "Nobody"); exit; }
    t_relay();
}
""")


class Kamailio:
    """Runs from construction to `stop`. `server` is "127.0.0.1:PORT"."""

    def __init__(self, folder, port=None):
        self.port = port or free_port()
        self.server = f"127.0.0.1:{self.port}"
        folder.mkdir()
        config = folder / "kamailio.cfg"
        config.write_text(CONFIG.substitute(port=self.port, domain=DOMAIN, password=PASSWORD))
        memory = ("-m", "32", "-M", "4")  # MB, shared and private
        self._program = Program("kamailio", "-f", config, "-DD", "-E", "-Y", folder, *memory, cwd=folder)
        self._await_options()

    def wait_bound(self, user, seconds=PATIENCE):
        """Until it has a binding for `user`."""
        self._program.wait_line(lambda line: line.endswith(f" bound {user}"), seconds)

    def wait_unbound(self, user, seconds=PATIENCE):
        self._program.wait_line(lambda line: line.endswith(f" unbound {user}"), seconds)

    def stop(self):
        self._program.kill()

    def _await_options(self):
        """Until it answers."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            probe.settimeout(0.1)
            probe.connect(("127.0.0.1", self.port))
            wait_until(lambda: self._answers(probe), every=0)

    def _answers(self, probe):
        me = f"127.0.0.1:{probe.getsockname()[1]}"
        lines = [
            f"OPTIONS sip:{self.server} SIP/2.0", f"Via: SIP/2.0/UDP {me};branch=z9hG4bKprobe", "Max-Forwards: 9",
            f"From: <sip:{me}>;tag=1", f"To: <sip:{self.server}>", f"Call-ID: {me}", "CSeq: 1 OPTIONS",
            "Content-Length: 0", "", "",
        ]  # fmt: skip
        assert self._program.running, "\n".join(self._program.lines[-25:])
        try:
            probe.send("\r\n".join(lines).encode())
            return probe.recv(2000).startswith(b"SIP/2.0 200")
        except (ConnectionRefusedError, TimeoutError):
            return False
