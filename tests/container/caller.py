"""One SIP call over UDP without any library: INVITE, ACK, count RTP for four seconds, BYE; a JSON line.

    python caller.py HOST PORT
It is no telephone: it answers no challenge and knows one codec, A-law. Enough to see that published ports,
addresses in SDP and media reach a caller who is not in the containers' network.
"""

from __future__ import annotations

import json
import random
import re
import socket
import sys
import time

LISTEN_S = 4.0
NUMBER = "88005553535"


def main(host: str, port: int) -> dict[str, object]:
    sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sip.connect((host, port))
    sip.settimeout(8)
    own, own_port = sip.getsockname()
    rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rtp.bind((own, 0))
    call_id, tag, branch = (f"{random.getrandbits(64):x}" for _ in range(3))
    sdp = (
        f"v=0\r\no=- 1 1 IN IP4 {own}\r\ns=-\r\nc=IN IP4 {own}\r\nt=0 0\r\n"
        f"m=audio {rtp.getsockname()[1]} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )

    def send(method: str, cseq: int, to: str, uri: str, body: str = "") -> None:
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {own}:{own_port};rport;branch=z9hG4bK{branch}{method}",
            "Max-Forwards: 70",
            f"From: <sip:79161234567@{own}>;tag={tag}",
            f"To: {to}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:caller@{own}:{own_port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        sip.send(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    uri = f"sip:{NUMBER}@{host}:{port}"
    send("INVITE", 1, f"<{uri}>", uri, sdp)
    statuses: list[int] = []
    while not statuses or statuses[-1] < 200:
        answer = sip.recv(65536).decode("utf-8", "replace")
        statuses.append(int(answer.split(" ", 2)[1]))
    to = re.search(r"^To: *(.*?)\r$", answer, re.M | re.I)
    contact = re.search(r"^Contact: *<([^>]+)>", answer, re.M | re.I)
    if statuses[-1] != 200 or not to or not contact:
        return {"answered": False, "statuses": statuses}
    send("ACK", 1, to[1], contact[1])
    media = re.search(r"^m=audio (\d+)", answer, re.M)
    address = re.search(r"^c=IN IP4 (\S+)", answer, re.M)
    assert media and address
    packets, end_s = 0, time.monotonic() + LISTEN_S
    rtp.settimeout(0.2)
    silence = bytes([0x80, 8]) + bytes(10) + b"\xd5" * 160
    while (left_s := end_s - time.monotonic()) > 0:
        rtp.sendto(silence, (address[1], int(media[1])))
        try:
            data = rtp.recv(2048)
            packets += len(data) > 12 and data[1] & 0x7F == 8
        except TimeoutError:
            continue
        del left_s
    send("BYE", 2, to[1], contact[1])
    return {"answered": True, "statuses": statuses, "rtp_packets": packets, "media": address[1]}


print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
