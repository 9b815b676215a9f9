#!/usr/bin/env bash
# The whole path with three virtual devices: software TPM, gateway, broker, and an independent subscriber behind it.
# Exit 0 only if every device connected with its imported PSK, its telemetry came back from the broker, a second
# connection needed no TPM command, and a revoked device was cut off.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=$PWD/gateway/IotPsk.Gateway/bin/Release/net10.0
device=$PWD/device/IotPsk.Device.Host/bin/Release/net10.0/iotpsk-device
work=$(mktemp -d "${TMPDIR:-/tmp}/iotpsk-demo.XXXXXX")
ids=(sensor-0001 sensor-0002 sensor-0003)
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

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

free_ports() { # a run of $1 free ports, below the range the kernel hands out
  local base port i
  for ((i = 0; i < 100; i++)); do
    base=$((20000 + RANDOM % 10000))
    for ((port = base; port < base + $1; port++)); do if answers "$port" 2>/dev/null; then continue 2; fi; done
    echo "$base"
    return
  done
  fail 'found no free ports'
}

iotpsk_() { iotpsk "$@" --config "$work/iotpsk.json" || fail "iotpsk $* failed"; }

sessions() { iotpsk session list --json --config "$work/iotpsk.json"; }

live() { [ "$(sessions | jq length)" -eq "$1" ]; }

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
  # Without a user name (the subscriber on this machine): reads all. A device: its own branch.
  printf 'topic read iotpsk/#\npattern readwrite iotpsk/%%u/#\n' >"$work/acl"
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
  stdbuf -oL mosquitto_sub -h 127.0.0.1 -p "$broker" -q 1 -t 'iotpsk/+/telemetry' -v -d >"$1" 2>&1 &
  pids+=($!)
  await 'the subscription' grep -q '^Subscribed' "$1"
}

# Runs all devices; $1 gets what they say, $2 the gateway's sessions while they are connected.
connect_all() {
  "$device" --bundle "$work/credentials" --vault "$work/vault" --count "$messages" --interval 1 --once --json >"$1" 2>"$work/device.log" &
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

for program in "$bin/iotpsk" "$device"; do [ -x "$program" ] || fail "$program is not built; run: make build"; done
read -r tpm <<<"$(free_ports 5)"
broker=$((tpm + 2)) tls=$((tpm + 3)) http=$((tpm + 4))
cat >"$work/iotpsk.json" <<EOF
{ "State": "$work/state",
  "Tpm": { "Tcti": "swtpm:host=127.0.0.1,port=$tpm" },
  "Listeners": [ { "Name": "mqtt", "Protocol": "mqtt", "Listen": "tcp://127.0.0.1:$tls", "Upstream": "tcp://127.0.0.1:$broker" } ],
  "Admin": { "Socket": "$work/admin.sock", "Http": "http://127.0.0.1:$http" } }
EOF

step 'A fleet key inside a (software) TPM, a broker, three enrolled devices, the gateway'
start_tpm
start_broker
iotpsk_ fleet init --server-id gateway-01
mkdir -m 0700 "$work/credentials" "$work/vault"
for id in "${ids[@]}"; do
  iotpsk_ device enroll "$id"
  iotpsk_ device credentials "$id" --for imported --format bundle -o "$work/credentials/$id.cred"
done
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

step "Revoking ${ids[0]} while it is connected"
await 'the end of the second sessions' live 0
"$device" --vault "$work/vault" --bundle "$work/credentials/${ids[0]}.cred" --count 100 --interval 1 --once --json >"$work/revoked.jsonl" 2>"$work/revoked.log" &
victim=$!
pids+=("$victim")
await "${ids[0]} being connected" live 1
start=${EPOCHREALTIME//[.,]/}
iotpsk_ device revoke "${ids[0]}"
if wait "$victim"; then fail "${ids[0]} did not notice its revocation"; fi
end=${EPOCHREALTIME//[.,]/}
echo "Its session was over $(((end - start) / 1000)) ms after the command began; the device says: $(tail -n 1 "$work/revoked.log")"
if "$device" --vault "$work/vault" --bundle "$work/credentials/${ids[0]}.cred" --count 1 --once >"$work/refused.log" 2>&1; then fail "${ids[0]} connected after its revocation"; fi
grep -q RevokedDevice "$work/gateway.log" || fail 'the log does not name the refusal'
echo "Its next hello was refused: $(grep '^iotpsk-device' "$work/refused.log")"
echo "In the gateway's log: $(grep RevokedDevice "$work/gateway.log" | tail -n 1)"

step 'Stopping'
kill "$gateway"
wait "$gateway" || fail "iotpsk serve ended with exit code $?"
echo 'Done: keys from the TPM, imported PSKs on the wire, telemetry through a real broker.'
