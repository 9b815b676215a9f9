#!/usr/bin/env bash
# A session of `iotpsk client tls` (MQTT) and one of `iotpsk client dtls` (CoAP, with connection ids) with the gateway, captured on the
# loopback interface and decrypted by tshark with their key log.
#   tests/trace.sh [DIRECTORY]      leaves session.pcapng and keys.log there (default: out/trace); capturing needs root
set -u
cd "$(dirname "$0")/.." || exit 1
out=${1:-out/trace}
bin=$PWD/gateway/IotPsk.Gateway/bin/Release/net10.0
export LC_ALL=C PATH=$bin:$PATH:/usr/sbin:/sbin
work=$(mktemp -d)
pids=()
finish() {
  local status=$? pid
  trap - EXIT
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  wait 2>/dev/null
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
fail() { echo "trace: $*" >&2; exit 1; }
await() {
  local what=$1 i
  shift
  for ((i = 0; i < 200; i++)); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  fail "$what did not happen within 20 s"
}
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

base=$((20000 + RANDOM % 10000)) tpm=$((base)) broker=$((base + 2)) tls=$((base + 3)) dtls=$((base + 4))
mkdir -p "$out" "$work/tpm" && rm -f "$out"/session.pcapng "$out"/keys.log
swtpm socket --tpm2 --tpmstate dir="$work/tpm" --server "type=tcp,port=$tpm,bindaddr=127.0.0.1" --ctrl "type=tcp,port=$((tpm + 1)),bindaddr=127.0.0.1" \
  --flags not-need-init,startup-clear & pids+=($!)
printf 'listener %s 127.0.0.1\nallow_anonymous true\nlog_type none\n' "$broker" >"$work/mosquitto.conf"
mosquitto -c "$work/mosquitto.conf" >/dev/null 2>&1 & pids+=($!)
cat >"$work/iotpsk.json" <<EOF
{ "State": "$work/state", "Tpm": { "Tcti": "swtpm:host=127.0.0.1,port=$tpm" },
  "Listeners": [ { "Name": "mqtt", "Protocol": "mqtt", "Listen": "tcp://127.0.0.1:$tls", "Upstream": "tcp://127.0.0.1:$broker" },
                 { "Name": "coap", "Protocol": "lwm2m", "Listen": "udp://127.0.0.1:$dtls", "Echo": true } ],
  "Admin": { "Socket": "$work/admin.sock", "Http": null } }
EOF
await 'swtpm listening' answers $((tpm + 1))
iotpsk fleet init --config "$work/iotpsk.json" >/dev/null || fail 'fleet init failed'
iotpsk device enroll trace-1 --config "$work/iotpsk.json" >/dev/null || fail 'enroll failed'
iotpsk device credentials trace-1 --format bundle -o "$work/trace-1.cred" --config "$work/iotpsk.json" || fail 'credentials failed'
iotpsk serve --config "$work/iotpsk.json" >"$work/gateway.log" 2>&1 & pids+=($!)
await 'the gateway listening' answers "$tls"
tshark -q -i lo -f "tcp port $tls or udp port $dtls" -w "$out/session.pcapng" 2>"$work/tshark.log" & capture=$!
pids+=("$capture")
await 'the capture' grep -q 'Capturing' "$work/tshark.log"
# CONNECT, PUBLISH QoS 1, DISCONNECT
{ printf '\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00'; printf '\x32\x1d\x00\x18iotpsk/trace-1/telemetry\x00\x01x'; printf '\xe0\x00'; } |
  iotpsk client tls "127.0.0.1:$tls" --bundle "$work/trace-1.cred" --key-log "$out/keys.log" >/dev/null || fail 'the client failed'
printf 21.5 | iotpsk client dtls "127.0.0.1:$dtls" --bundle "$work/trace-1.cred" --suite TLS_PSK_WITH_AES_128_CCM_8 --post /echo --key-log "$out/keys.log" >/dev/null ||
  fail 'the DTLS client failed'
sleep 1
kill -INT "$capture"; wait "$capture" 2>/dev/null
echo "Captured: $out/session.pcapng, its secrets: $out/keys.log"
tshark -r "$out/session.pcapng" -o "tls.keylog_file:$out/keys.log" -d "tcp.port==$tls,tls" -d "tls.port==$tls,mqtt" \
  -d "udp.port==$dtls,dtls" -d "dtls.port==$dtls,coap" -Y 'tls or mqtt or dtls or coap' 2>/dev/null | tee "$work/decoded"
for step in 'Client Hello' 'Server Hello' 'Encrypted Extensions' 'Finished' 'Connect Command' 'Publish Message' 'Hello Verify Request' 'CON, MID:.*POST.*/echo'; do
  grep -qE "$step" "$work/decoded" || fail "tshark shows no $step"
done
