#!/usr/bin/env bash
# A fleet's life against real processes: two gateways with a (software) TPM each and one PostgreSQL registry, a broker, and all devices connecting.
# Enrolment, first day, rotation, re-keying of half the fleet over the wire, retirement, revocations, a reinstatement, the TPM and the gateway
# started anew, and the second gateway in the place of the first. The last line is: N passed, N failed
#   tests/fleet-life.sh [DEVICES]      1000, or another multiple of 20 from 60 on
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C
root=$PWD
bin=$root/gateway/IotPsk.Gateway/bin/Release/net10.0
device=$root/device/IotPsk.Device.Host/bin/Release/net10.0/iotpsk-device
export PATH=$bin:$PATH:/usr/sbin:/sbin
# shellcheck source=tests/ports.sh
source tests/ports.sh
# shellcheck source=tests/postgres.sh
source tests/postgres.sh

devices=${1:-1000}
if ! [[ $devices =~ ^[0-9]+$ ]] || [ "$devices" -lt 60 ] || [ $((devices % 20)) -ne 0 ]; then
  echo "fleet-life.sh: '$devices' is no number of devices: a multiple of 20, at least 60" >&2
  exit 2
fi
# A process runs the devices of one vault; all of a thousand at once would be a test of this machine.
per_vault=$((devices >= 400 ? devices / 20 : devices / 4))
vaults=$((devices / per_vault)) half=$((devices / 2))
revoked=10
work=$(mktemp -d "${TMPDIR:-/tmp}/iotpsk-life.XXXXXX")
pids=() passed=0 failed=0

finish() {
  local status=$? pid
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  pg_remove
  wait 2>/dev/null
  if [ "$status" -eq 0 ]; then rm -rf "$work"; else echo "Logs: $work" >&2; fi
  exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

step() { printf '\n== %4d s  %s\n' "$SECONDS" "$*"; }

check() {                            # what, command...: one expectation
  local what=$1
  shift
  if "$@"; then passed=$((passed + 1)); echo "ok    $what"
  else failed=$((failed + 1)); echo "FAIL  $what  ($*)"; fi
}

is() {                               # what, expected, found
  check "$1: $2" [ "$2" = "$3" ]
  if [ "$2" != "$3" ]; then echo "      found: $3"; fi
}

abort() {
  echo "fleet-life: $*" >&2
  tail -n 20 "$work"/*.log >&2 2>/dev/null
  echo "$passed passed, $((failed + 1)) failed"
  exit 1
}

soon() {                             # command...: whether it succeeds within 30 s
  local i
  for ((i = 0; i < 300; i++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  return 1
}

on() {                               # gateway (a or b), verb...
  local gateway=$1
  shift
  iotpsk "$@" --config "$work/$gateway.json"
}

must() { on "$@" >>"$work/verbs.log" 2>&1 || abort "iotpsk ${*:2} failed on gateway $1"; }

status() { on "$1" fleet status --json | jq -r "$2"; }

metric() {                           # gateway, series as a regular expression: the sum
  local port=$http_a
  if [ "$1" = b ]; then port=$http_b; fi
  curl -fsS "http://127.0.0.1:$port/metrics" | awk -v series="$2" '$1 ~ series { sum += $2 } END { print sum + 0 }'
}

start_tpm() {                        # name, port
  mkdir -p "$work/tpm-$1"
  swtpm socket --tpm2 --tpmstate dir="$work/tpm-$1" --server "type=tcp,port=$2,bindaddr=127.0.0.1" \
    --ctrl "type=tcp,port=$(($2 + 1)),bindaddr=127.0.0.1" --flags not-need-init,startup-clear >>"$work/swtpm-$1.log" 2>&1 &
  swtpm=$!
  pids+=("$swtpm")
  soon answers $(($2 + 1)) || abort "swtpm $1 does not listen"
}

start_gateway() {                    # name
  local port=$http_a
  if [ "$1" = b ]; then port=$http_b; fi
  iotpsk serve --config "$work/$1.json" >>"$work/gateway-$1.log" 2>&1 &
  gateway=$!
  pids+=("$gateway")
  soon curl -fsS "http://127.0.0.1:$port/healthz" || abort "gateway $1 does not become ready"
}

stop() {                             # signal, process id
  kill "-$1" "$2"
  wait "$2" 2>/dev/null
}

# round NAME FIRST LAST OPTION...: the devices of these vaults, two vaults at a time, one message each; their events: $work/NAME.jsonl
round() {
  local name=$1 first=$2 last=$3 vault
  shift 3
  seq "$first" "$last" | xargs -P 2 -I '{}' sh -c 'out=$1/$2.$3; shift 3; "$@" --json >"$out.part" 2>"$out.err"; echo $? >"$out.exit"' \
    sh "$work" "$name" '{}' "$device" --vault "$work/vault-{}" --count 1 --interval 0 "$@"
  : >"$work/$name.jsonl"
  for ((vault = first; vault <= last; vault++)); do cat "$work/$name.$vault.part" >>"$work/$name.jsonl"; done
}

exits() { cat "$work/$1".*.exit | sort -u | tr '\n' ' '; }            # of all processes of a round

events() { jq -rs "$2" "$work/$1.jsonl"; }                            # of a round, by a program for all of them

connected() { events "$1" "[.[] | select(.event == \"connected\" and .epoch == $2) | .device] | unique | length"; }

# visit VAULT SLOT: one device alone, from a copy of its place in the vault; says "epoch N" or why it was refused
visit() {
  local one=$work/one-$BASHPID
  rm -rf "$one"
  mkdir -m 0700 "$one"
  cp "$work/vault-$1/slot-$2.cred" "$one/slot-0.cred"
  "$device" --vault "$one" --count 1 --once --json 2>/dev/null |
    jq -rs 'map(select(.event == "connected" or .event == "failed")) | (map(select(.event == "connected"))[0].epoch // empty | "epoch \(.)") // (.[0].reason // "nothing")'
  rm -rf "$one"
}

dev() { printf 'dev-%05d' "$1"; }

resumes() {                          # a ticket in $work/ticket, offered without the key
  printf 'GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n' |
    timeout 10 openssl s_client -quiet -tls1_3 -connect "127.0.0.1:$tunnel" -sess_in "$work/ticket" -ign_eof 2>/dev/null | grep -q '^HTTP/1.1 200'
}

for program in "$bin/iotpsk" "$device"; do [ -x "$program" ] || abort "$program is not built; run: make build"; done
tpm_a=$(free_ports 12) || abort 'without ports there is nothing to try'
tpm_b=$((tpm_a + 2)) broker=$((tpm_a + 4)) postgres=$((tpm_a + 5)) tls=$((tpm_a + 6)) tunnel=$((tpm_a + 7)) http_a=$((tpm_a + 8)) http_b=$((tpm_a + 9))

configure() {                        # gateway, its TPM's port, its HTTP port: both stand at the one address that devices know, one after the other
  cat >"$work/$1.json" <<JSON
{ "State": "$work/state-$1",
  "Tpm": { "Tcti": "swtpm:host=127.0.0.1,port=$2" },
  "Registry": { "Postgres": "Host=127.0.0.1;Port=$postgres;Database=fleet;Username=iotpsk", "PasswordFile": "$work/password" },
  "Listeners": [
    { "Name": "mqtt", "Protocol": "mqtt", "Listen": "tcp://127.0.0.1:$tls", "Upstream": "tcp://127.0.0.1:$broker" },
    { "Name": "http", "Protocol": "tunnel", "Listen": "tcp://127.0.0.1:$tunnel", "Upstream": "tcp://127.0.0.1:$3" } ],
  "Limits": { "HandshakeSeconds": 60 },
  "Admin": { "Socket": "$work/admin-$1.sock", "Http": "http://127.0.0.1:$3" } }
JSON
}

step "A shareable fleet in a TPM, a registry in PostgreSQL, a broker; $devices devices are enrolled"
pg_make "$postgres" && pg_start && pg_database fleet || abort 'PostgreSQL does not start'
(umask 077 && cp "$pg_dir/password" "$work/password")
start_tpm a "$tpm_a"
tpm_process=$swtpm
start_tpm b "$tpm_b"
printf 'listener %s 127.0.0.1\nallow_anonymous true\nacl_file %s/acl\npersistence false\n' "$broker" "$work" >"$work/mosquitto.conf"
printf 'topic read iotpsk/#\npattern readwrite iotpsk/%%u/#\n' >"$work/acl"
chmod 0644 "$work/acl" "$work/mosquitto.conf"
chmod 0755 "$work"
mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
pids+=($!)
soon answers "$broker" || abort 'mosquitto does not listen'
configure a "$tpm_a" "$http_a"
configure b "$tpm_b" "$http_b"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/authority.key" && openssl ec -in "$work/authority.key" -pubout -out "$work/authority.pub" 2>/dev/null
must a fleet init --server-id life --shareable --authority "$work/authority.pub"
must a device enroll "$(dev 0)" --count "$devices"
must a device enroll "$(dev 0)" --count "$devices"
is 'devices enrolled, once though asked twice' "$devices" "$(status a .devices)"
must a device credentials --all --format bundle -o "$work/bundles"
is 'bundles written' "$devices" "$(find "$work/bundles" -type f | wc -l)"
n=0
for file in "$work"/bundles/*; do
  vault=$((n++ / per_vault + 1))
  mkdir -p "$work/bundles-$vault"
  mv "$file" "$work/bundles-$vault/"
done

step 'First day: everybody connects'
start_gateway a
first_gateway=$gateway
mosquitto_sub -h 127.0.0.1 -p "$broker" -q 1 -t 'iotpsk/+/telemetry' -F %t >"$work/heard.txt" 2>"$work/heard.log" &
pids+=($!)
for ((vault = 1; vault <= vaults; vault++)); do
  "$device" --vault "$work/vault-$vault" --bundle "$work/bundles-$vault" --count 1 --interval 0 --json >"$work/day.$vault.part" 2>"$work/day.$vault.err"
  echo $? >"$work/day.$vault.exit"
done
cat "$work"/day.*.part >"$work/day.jsonl"
is 'exit codes of the devices' '0 ' "$(exits day)"
is 'devices connected with epoch 1' "$devices" "$(connected day 1)"
is 'with imported keys, TLS 1.3 and psk_dhe_ke, all of them' true "$(events day '[.[] | select(.event == "connected")] | all(.imported and .version == "TLSv1.3" and .keyExchange == "psk_dhe_ke")')"
heard() { [ "$(sort -u "$work/heard.txt" | wc -l)" -eq "$devices" ]; }
check 'a message of each device came out of the broker' soon heard
used() { [ "$(status a ".epochs[$(($1 - 1))].devices")" -eq "$2" ]; }
check "fleet status counts $devices devices of epoch 1" soon used 1 "$devices"
is 'keys that the cache had not, one a device' "$devices" "$(metric a '^iotpsk_key_cache_misses_total')"

step 'Rotation: both epochs are accepted'
is 'nobody gets a newer key before there is one' 'rekey current' "$("$device" --vault "$work/vault-1" --rekey --count 1 --once --json 2>/dev/null | jq -rs '[.[] | select(.event == "rekeyed") | .reason] | unique | join(",")')"
must a fleet rotate
is 'active epoch' 2 "$(status a '.epochs[] | select(.state == "active") | .epoch')"
is 'epoch 1' overlap "$(status a '.epochs[0].state')"
for slot in 0 1 2; do is "an old key during the overlap ($slot)" 'epoch 1' "$(visit "$vaults" "$slot")"; done

step "Half of the fleet ($half devices) is re-keyed over the wire"
mark=$(wc -l <"$work/gateway-a.log")
round rekey 1 $((vaults / 2)) --rekey
is 'exit codes' '0 ' "$(exits rekey)"
is 'new keys of epoch 2' "$half" "$(events rekey '[.[] | select(.event == "rekeyed" and .epoch == 2) | .device] | unique | length')"
is 'connected with them at once' "$half" "$(connected rekey 2)"
is 'given, by the gateway' "$half" "$(metric a 'iotpsk_rekeys_total.*Granted')"
is 'lines of its log' "$half" "$(tail -n "+$((mark + 1))" "$work/gateway-a.log" | grep -c 'was given the key of epoch 2')"
is 'successors left in vaults' 0 "$(find "$work"/vault-* -name '*.next' | wc -l)"
check "fleet status: $half devices of epoch 2" soon used 2 "$half"
check "fleet status: $half of epoch 1" soon used 1 "$half"
is 'a re-keyed device that asks again' 'rekey current' "$("$device" --vault "$work/vault-1" --rekey --count 1 --once --json 2>/dev/null | jq -rs '[.[] | select(.event == "rekeyed") | .reason] | unique | join(",")')"
# An old credential of a re-keyed device (somebody kept its file) is still good for a connection, and for no second key.
mkdir -m 0700 "$work/kept"
"$device" --vault "$work/kept" --bundle "$work/bundles-1/$(dev 0).cred" --rekey --count 1 --once --json >"$work/kept.jsonl" 2>/dev/null
is 'its old credential asks for another key' 'rekey too soon' "$(events kept '[.[] | select(.event == "rekeyed") | .reason] | join(",")')"
is 'its old credential connects until it is retired' 1 "$(connected kept 1)"

step 'Retirement: the old epoch is refused at once, live sessions among it'
"$device" --vault "$work/vault-$vaults" --count 0 --interval 5 --once --json >"$work/held.jsonl" 2>/dev/null &
held=$!
pids+=("$held")
live() { [ "$(on a session list --json | jq length)" -eq "$1" ]; }
check "$per_vault devices of epoch 1 are connected" soon live "$per_vault"
must a fleet retire 1
check 'their sessions end' soon live 0
wait "$held"
ended() { [ "$(grep -c '"event":"failed"' "$work/held.jsonl")" -eq "$per_vault" ]; }
check 'and they know' ended
round refused $((vaults / 2 + 1)) "$vaults" --once
is 'exit codes of the devices of epoch 1' '1 ' "$(exits refused)"
is 'refused' "$half" "$(events refused '[.[] | select(.event == "failed" and .reason == "refused") | .device] | unique | length')"
is 'of them connected' 0 "$(events refused '[.[] | select(.event == "connected")] | length')"
is 'nobody of a retired epoch is re-keyed' refused "$("$device" --vault "$work/vault-$vaults" --rekey --count 1 --once --json 2>/dev/null | jq -rs '[.[] | select(.event == "rekeyed") | .reason] | unique | join(",")')"
round second 1 $((vaults / 2))
is 'devices of epoch 2 connected' "$half" "$(connected second 2)"
is 'keys in the TPM' 1 "$(status a '[.epochs[] | select(.evictedAt == null)] | length')"

step "$revoked devices are revoked while connected, one is reinstated"
"$device" --vault "$work/vault-1" --count 0 --interval 5 --json >"$work/live.jsonl" 2>/dev/null &
held=$!
pids+=("$held")
check "$per_vault devices are connected" soon live "$per_vault"
begun=${EPOCHREALTIME//[.,]/}
for ((n = 0; n < revoked; n++)); do must a device revoke "$(dev $n)"; done
check "$((per_vault - revoked)) stay" soon live $((per_vault - revoked))
echo "      after $(((${EPOCHREALTIME//[.,]/} - begun) / 1000)) ms, ten commands among them"
is 'revoked, says fleet status' "$revoked" "$(status a .revoked)"
is 'sessions of revoked devices' 0 "$(on a session list --json | jq "[.[] | select(.device <= \"$(dev $((revoked - 1)))\")] | length")"
stop TERM "$held"
round theft 1 1 --once
is 'refused' "$revoked" "$(events theft '[.[] | select(.event == "failed" and .reason == "refused") | .device] | unique | length')"
is 'the last of them' "$(dev $((revoked - 1)))" "$(events theft '[.[] | select(.event == "failed") | .device] | max')"
is 'the others are served' $((per_vault - revoked)) "$(connected theft 2)"
must a device reinstate "$(dev 3)"
is 'the reinstated device' 'epoch 2' "$(visit 1 3)"
is 'its neighbour' refused "$(visit 1 4)"

step 'The TPM is started anew'
stop KILL "$tpm_process"
is 'a device whose key is known, while the TPM is away' 'epoch 2' "$(visit 2 0)"
start_tpm a "$tpm_a"
must a device enroll late-1
must a device credentials late-1 --format bundle -o "$work/late-1.cred"
"$device" --vault "$work/late" --bundle "$work/late-1.cred" --count 1 --json >"$work/late.jsonl" 2>/dev/null
is 'a device that the TPM has to derive a key for' 1 "$(connected late 2)"
healthy() { curl -fsS "http://127.0.0.1:$http_a/healthz"; }
check 'the gateway is healthy' soon healthy

step 'The gateway is started anew'
stop TERM "$first_gateway"
is 'its exit code' 0 "$?"
start_gateway a
first_gateway=$gateway
before=$(metric a 'iotpsk_tpm_commands_total.*Hmac')
round again 1 1 --once
is 'devices of epoch 2 that are not revoked' $((per_vault - revoked + 1)) "$(connected again 2)"
is 'refused' $((revoked - 1)) "$(events again '[.[] | select(.reason == "refused") | .device] | unique | length')"
is 'TPM commands: their keys were kept, sealed' "$before" "$(metric a 'iotpsk_tpm_commands_total.*Hmac')"
is 'a retired key' refused "$(visit "$vaults" 5)"
is 'a revoked device' refused "$(visit 1 0)"

step 'The first gateway dies; the second, with a TPM of its own, takes its place'
fingerprint=$(on b fleet srk-public -o "$work/b.srk" --json | jq -r .fingerprint)
must a fleet export-to "$work/b.srk" --fingerprint "$fingerprint" -o "$work/to-sign"
openssl dgst -sha256 -sign "$work/authority.key" -out "$work/signature" "$work/to-sign"
must a fleet export-to "$work/b.srk" --fingerprint "$fingerprint" --signature "$work/signature" -o "$work/export"
check 'the second TPM takes the fleet key over' must b fleet import "$work/export"
IFS=, read -r identity key <<<"$(on a device credentials late-1 --for tls13 --format csv)"
printf 'GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n' |
  timeout 10 openssl s_client -quiet -tls1_3 -connect "127.0.0.1:$tunnel" -psk_identity "$identity" -psk "$key" -sess_out "$work/ticket" -ign_eof >/dev/null 2>&1
check 'the first gateway gave a ticket' [ -s "$work/ticket" ]
stop KILL "$first_gateway"
start_gateway b
before=$(metric b 'iotpsk_tpm_commands_total.*Hmac')
check 'a ticket of the first gateway resumes on the second' resumes
is 'without its TPM' "$before" "$(metric b 'iotpsk_tpm_commands_total.*Hmac')"
round partner 2 $((vaults / 2))
is 'devices of epoch 2 connected' $((half - per_vault)) "$(connected partner 2)"
check 'by keys that the second TPM derived' [ "$(metric b 'iotpsk_tpm_commands_total.*Hmac')" -gt "$before" ]
is 'a reinstated device' 'epoch 2' "$(visit 1 3)"
is 'a revoked device' refused "$(visit 1 4)"
is 'a retired key' refused "$(visit "$vaults" 6)"
must b fleet rotate
is 'the next epoch, made by the second gateway' 3 "$(status b '.epochs[] | select(.state == "active") | .epoch')"
mkdir -m 0700 "$work/next"
cp "$work/late/slot-0.cred" "$work/next/"
"$device" --vault "$work/next" --rekey --count 1 --json >"$work/next.jsonl" 2>/dev/null
is 'which it gives to a device over the wire' 1 "$(connected next 3)"
is 'and not to one that was re-keyed within the hour' 'rekey too soon' "$("$device" --vault "$work/vault-2" --rekey --count 1 --once --json 2>/dev/null | jq -rs '[.[] | select(.event == "rekeyed") | .reason] | unique | join(",")')"
must b device revoke late-1
is 'a revocation on the second gateway' 1 "$("$device" --vault "$work/next" --count 1 --once --json 2>/dev/null | jq -rs '[.[] | select(.reason == "refused")] | length')"
is 'faults in the log of either gateway' 0 "$(cat "$work"/gateway-?.log | grep -cE ' (fail|crit): |Unhandled exception')"

echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
