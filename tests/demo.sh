#!/usr/bin/env bash
# The whole path with six virtual devices: software TPM, gateway, broker, and an independent subscriber behind it.
# Three speak MQTT over TLS 1.3, three LwM2M over DTLS 1.2 with connection ids, one of these asleep in between.
# Exit 0 only if every device connected with its PSK, its telemetry came back from the broker, a second connection
# needed no TPM command, a device that slept began with data, and a revoked device was cut off.
# IOTPSK_DEMO_DEVICES_AT="1970-01-02 00:00:00" lets the devices believe that it is then (faketime).
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/ports.sh
source tests/ports.sh
bin=$PWD/gateway/IotPsk.Gateway/bin/Release/net10.0
device=$PWD/device/IotPsk.Device.Host/bin/Release/net10.0/iotpsk-device
work=$(mktemp -d "${TMPDIR:-/tmp}/iotpsk-demo.XXXXXX")
ids=(sensor-0001 sensor-0002 sensor-0003)
nodes=(node-0001 node-0002)
sleeper=node-0003
devices_at=${IOTPSK_DEMO_DEVICES_AT:-}
messages=3
pids=()
export LC_ALL=C PATH=$bin:$PATH:/usr/sbin:/sbin

finish() {
  local status=$? pid
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  wait 2>/dev/null
  if [ "$status" -eq 0 ]; then rm -rf "$work"; else echo "The demo failed. Logs: $work" >&2; fi
  exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

step() { printf '\n== %s\n' "$*"; }

fail() {
  echo "demo: $*" >&2
  tail -n 20 "$work"/*.log >&2 2>/dev/null
  exit 1
}

await() { # what, command...: waits up to 20 s for the command to succeed
  local what=$1 i
  shift
  for ((i = 0; i < 200; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  fail "$what did not happen within 20 s"
}

iotpsk_() { iotpsk "$@" --config "$work/iotpsk.json" || fail "iotpsk $* failed"; }

sessions() { iotpsk session list --json --config "$work/iotpsk.json"; }

# Of the MQTT devices; an association stays while its device sleeps.
live() { [ "$(sessions | jq '[.[] | select(.device | startswith("sensor-"))] | length')" -eq "$1" ]; }

hmacs() { curl -fsS "http://127.0.0.1:$http/metrics" | awk '$1 ~ /^iotpsk_tpm_commands_total.*Hmac/ { print $2 }'; }

start_tpm() {
  mkdir "$work/tpm"
  swtpm socket --tpm2 --tpmstate dir="$work/tpm" --server "type=tcp,port=$tpm,bindaddr=127.0.0.1" \
    --ctrl "type=tcp,port=$((tpm + 1)),bindaddr=127.0.0.1" --flags not-need-init,startup-clear >"$work/swtpm.log" 2>&1 &
  pids+=($!)
  await 'swtpm listening' answers $((tpm + 1))
}

start_broker() {
  cat >"$work/mosquitto.conf" <<EOF
user root
listener $broker 127.0.0.1
allow_anonymous true
acl_file $work/acl
persistence false
EOF
  # Without a user name (the subscriber on this machine): reads all. The gateway: writes values, reads commands. A device: its own branch.
  cat >"$work/acl" <<EOF
topic read iotpsk/#
user ~iotpsk
topic write iotpsk/#
topic read iotpsk/+/cmd/#
pattern readwrite iotpsk/%u/#
EOF
  chmod 0600 "$work/acl"
  mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
  pids+=($!)
  await 'mosquitto listening' answers "$broker"
}

start_gateway() {
  iotpsk serve --config "$work/iotpsk.json" >"$work/gateway.log" 2>&1 &
  gateway=$!
  pids+=("$gateway")
  await 'the gateway being ready' curl -fsS "http://127.0.0.1:$http/healthz"
}

subscribe() { # file: what the broker delivers, topic and payload
  stdbuf -oL mosquitto_sub -h 127.0.0.1 -p "$broker" -q 1 -t 'iotpsk/+/telemetry' -t 'iotpsk/+/3303/0/5700' -v -d >"$1" 2>&1 &
  pids+=($!)
  await 'the subscription' grep -q '^Subscribed' "$1"
}

# The devices have no clock that anybody could trust: what theirs says must not matter. The uptime goes on as it does;
# without the second setting, faketime ends every timed wait at once.
run_device() {
  if [ -z "$devices_at" ]; then exec "$device" "$@"; fi
  FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_FORCE_MONOTONIC_FIX=0 exec faketime -f "@$devices_at" "$device" "$@"
}

# Runs all devices; $1 gets what they say, $2 the gateway's sessions while they are connected.
connect_all() {
  run_device --bundle "$work/credentials" --vault "$work/vault" --count "$messages" --interval 2 --once --json >"$1" 2>"$work/device.log" &
  local pid=$! i
  for ((i = 0; i < 100; i++)); do
    sessions >"$2"
    if [ "$(jq length "$2")" -eq "${#ids[@]}" ]; then break; fi
    sleep 0.05
  done
  [ "$(jq length "$2")" -eq "${#ids[@]}" ] || fail "not all devices were connected at one time"
  wait "$pid" || fail "iotpsk-device: exit code $?"
}

show() { # device, devices' file, sessions' file, expected TPM commands
  local session negotiated
  session=$(jq -c --arg id "$1" '.[] | select(.device == $id)' "$3")
  negotiated=$(jq -c --arg id "$1" 'select(.event == "connected" and .device == $id)' "$2")
  jq -e --argjson tpm "$4" '.version == "TLSv1.3" and .keyExchange == "psk_dhe_ke" and .imported and .tpmCommands == $tpm' <<<"$session" >/dev/null ||
    fail "$1: the gateway sees another session than it should: $session"
  # Both ends must tell the same.
  [ "$(jq -c '[.version, .keyExchange, .imported, .epoch, .handshakeBytesReceived, .handshakeBytesSent]' <<<"$session")" = \
    "$(jq -c '[.version, .keyExchange, .imported, .epoch, .handshakeBytesSent, .handshakeBytesReceived]' <<<"$negotiated")" ] ||
    fail "$1: device and gateway disagree: $negotiated and $session"
  jq -r '"\(.device)  \(.version)  \(.cipherSuite)  \(.keyExchange) \(.group)  imported PSK, epoch \(.epoch)",
    "             handshake: \(.handshakeBytesReceived) bytes from the device, \(.handshakeBytesSent) to it;  TPM commands: \(.tpmCommands)"' <<<"$session"
}

delivered() { [ "$(grep -c '^iotpsk/' "$1")" -ge "$2" ]; }

read_back() { # device, subscriber's file, number of messages
  local got
  got=$(grep -c "^iotpsk/$1/telemetry {\"device\":\"$1\"" "$2")
  [ "$got" -eq "$3" ] || fail "$1: $got of $3 messages came back from the broker"
  grep "^iotpsk/$1/telemetry {" "$2" | tail -n 1 | sed 's/^/             from the broker: /'
}

# Values of an LwM2M device as the gateway published them, oldest first; $1 device, $2 subscriber's file.
values() { sed -n "s|^iotpsk/$1/3303/0/5700 ||p" "$2" | jq -c '.[] | select(.v != null) | .v'; }

# At least once each: what a device sent, and what it told when the gateway began to observe it.
read_values() { # device, subscriber's file, least number
  local got
  got=$(values "$1" "$2" | wc -l)
  [ "$got" -ge "$3" ] || fail "$1: $got values came back from the broker, not $3"
  echo "             from the broker: iotpsk/$1/3303/0/5700 $(values "$1" "$2" | tail -n "$3" | paste -sd ' ')"
}

has_values() { [ "$(values "$1" "$2" | wc -l)" -ge "$3" ]; }

handshakes() { curl -fsS "http://127.0.0.1:$http/metrics" | awk '/^iotpsk_handshakes_completed_total/ { n += $2 } END { print n + 0 }'; }

# What a device says of its association; fails if it is not what it should be. $1 what it printed, $2 device, $3 resumed or not
show_association() {
  local connected
  connected=$(jq -c --arg id "$2" 'select(.event == "connected" and .device == $id)' "$1")
  jq -e --argjson resumed "$3" '.version == "DTLSv1.2" and .connectionId and .resumed == $resumed' <<<"$connected" >/dev/null ||
    fail "$2: another association than it should be: $connected"
  jq -r '"\(.device)    \(.version)  \(.suite)  connection id" + if .resumed then "  woken up: no handshake" else "\n             handshake: \(.handshakeBytesSent) bytes out, \(.handshakeBytesReceived) in" end' <<<"$connected"
}

# A process of the sleeping device: one value, then it sleeps and the process ends.
wake() {
  (run_device --vault "$work/vault-$sleeper" --lwm2m --cid --sleep --awake 0.5 --count 1 --temperature "$2" --first-timeout 1000 --once --json "${@:3}") >"$1" 2>>"$work/device.log" ||
    fail "iotpsk-device: exit code $?"
}

for program in "$bin/iotpsk" "$device"; do [ -x "$program" ] || fail "$program is not built; run: make build"; done
[ -z "$devices_at" ] || command -v faketime >/dev/null || fail 'faketime is not installed; run: make setup'
tpm=$(free_ports 6) || fail 'without ports there is nothing to try'
broker=$((tpm + 2)) tls=$((tpm + 3)) http=$((tpm + 4)) dtls=$((tpm + 5))
cat >"$work/iotpsk.json" <<EOF
{ "State": "$work/state",
  "Tpm": { "Tcti": "swtpm:host=127.0.0.1,port=$tpm" },
  "Listeners": [ { "Name": "mqtt", "Protocol": "mqtt", "Listen": "tcp://127.0.0.1:$tls", "Upstream": "tcp://127.0.0.1:$broker" },
    { "Name": "lwm2m", "Protocol": "lwm2m", "Listen": "udp://127.0.0.1:$dtls" } ],
  "Telemetry": { "Mqtt": "tcp://127.0.0.1:$broker" },
  "Admin": { "Socket": "$work/admin.sock", "Http": "http://127.0.0.1:$http" } }
EOF

step 'A fleet key inside a (software) TPM, a broker, six enrolled devices, the gateway'
start_tpm
start_broker
iotpsk_ fleet init --server-id gateway-01
mkdir -m 0700 "$work/credentials" "$work/nodes" "$work/vault" "$work/vault-nodes" "$work/vault-$sleeper"
for id in "${ids[@]}"; do
  iotpsk_ device enroll "$id"
  iotpsk_ device credentials "$id" --for imported --format bundle -o "$work/credentials/$id.cred"
done
for id in "${nodes[@]}" "$sleeper"; do
  iotpsk_ device enroll "$id"
  iotpsk_ device credentials "$id" --for imported --format bundle -o "$work/nodes/$id.cred"
done
mv "$work/nodes/$sleeper.cred" "$work/$sleeper.cred"
start_gateway
subscribe "$work/first.txt"

step 'First contact: one TPM command each'
before=$(hmacs)
connect_all "$work/first.jsonl" "$work/first.json"
await 'the last message at the subscriber' delivered "$work/first.txt" $((messages * ${#ids[@]}))
for id in "${ids[@]}"; do
  show "$id" "$work/first.jsonl" "$work/first.json" 1
  read_back "$id" "$work/first.txt" "$messages"
done
[ $(($(hmacs) - before)) -eq "${#ids[@]}" ] || fail "the TPM was asked $(($(hmacs) - before)) times, not ${#ids[@]}"

step 'Second contact: the keys are proved and cached, the TPM rests'
before=$(hmacs)
await 'the end of the first sessions' live 0
subscribe "$work/second.txt"
connect_all "$work/second.jsonl" "$work/second.json"
await 'the last message at the subscriber' delivered "$work/second.txt" $((messages * ${#ids[@]}))
for id in "${ids[@]}"; do
  show "$id" "$work/second.jsonl" "$work/second.json" 0
  read_back "$id" "$work/second.txt" "$messages"
done
[ "$(hmacs)" -eq "$before" ] || fail 'the TPM was asked on a second connection'

step 'LwM2M over DTLS 1.2 with connection ids: two devices awake'
subscribe "$work/nodes.txt"
(run_device --bundle "$work/nodes" --vault "$work/vault-nodes" --lwm2m --cid --count "$messages" --interval 1 --first-timeout 1000 --once --json) \
  >"$work/nodes.jsonl" 2>"$work/device.log" || fail "iotpsk-device: exit code $?"
for id in "${nodes[@]}"; do
  show_association "$work/nodes.jsonl" "$id" false
  await "the last value of $id at the subscriber" has_values "$id" "$work/nodes.txt" "$messages"
  read_values "$id" "$work/nodes.txt" "$messages"
done

step "LwM2M asleep: $sleeper saves its association, its process ends, and the next one begins with data"
wake "$work/sleep-1.jsonl" 10 --bundle "$work/$sleeper.cred"
show_association "$work/sleep-1.jsonl" "$sleeper" false
before=$(handshakes)
for i in 2 3; do
  wake "$work/sleep-$i.jsonl" "${i}0"
  show_association "$work/sleep-$i.jsonl" "$sleeper" true
done
[ "$(handshakes)" -eq "$before" ] || fail "$sleeper made a handshake when it woke up"
await "the last value of $sleeper at the subscriber" has_values "$sleeper" "$work/nodes.txt" 3
for value in 10 20 30; do values "$sleeper" "$work/nodes.txt" | grep -qx "$value" || fail "$sleeper: the value $value did not come back from the broker"; done
read_values "$sleeper" "$work/nodes.txt" 3

step "Revoking ${ids[0]} while it is connected"
await 'the end of the second sessions' live 0
run_device --vault "$work/vault" --bundle "$work/credentials/${ids[0]}.cred" --count 100 --interval 1 --once --json >"$work/revoked.jsonl" 2>"$work/revoked.log" &
victim=$!
pids+=("$victim")
await "${ids[0]} being connected" live 1
start=${EPOCHREALTIME//[.,]/}
iotpsk_ device revoke "${ids[0]}"
if wait "$victim"; then fail "${ids[0]} did not notice its revocation"; fi
end=${EPOCHREALTIME//[.,]/}
echo "Its session was over $(((end - start) / 1000)) ms after the command began; the device says: $(tail -n 1 "$work/revoked.log")"
if (run_device --vault "$work/vault" --bundle "$work/credentials/${ids[0]}.cred" --count 1 --once) >"$work/refused.log" 2>&1; then fail "${ids[0]} connected after its revocation"; fi
grep -q RevokedDevice "$work/gateway.log" || fail 'the log does not name the refusal'
echo "Its next hello was refused: $(grep '^iotpsk-device' "$work/refused.log")"
echo "In the gateway's log: $(grep RevokedDevice "$work/gateway.log" | tail -n 1)"

step 'Stopping'
kill "$gateway"
wait "$gateway" || fail "iotpsk serve ended with exit code $?"
echo 'Done: keys from the TPM, PSKs on the wire over TLS 1.3 and DTLS 1.2, telemetry through a real broker.'
