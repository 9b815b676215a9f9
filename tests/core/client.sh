#!/usr/bin/env bash
# client.sh CLIENT ECHO CASE: what iotpsk-psk-client does over UDP, with mbedTLS's own server (ECHO) at the other end.
set -u
client=$1 echo=$2
work=$(mktemp -d)
coproc SERVER { exec "$echo" "$work/cred" 2>"$work/server"; }
trap 'exec {SERVER[1]}>&-; rm -rf "$work"' EXIT
read -r port <&"${SERVER[0]}"

# Sends a line and keeps what came back, what was said, and the exit code.
run() {
  local line=$1
  shift
  printf '%s' "$line" | "$client" 127.0.0.1 "$port" --dtls --wait 300 --timeout 8000 --first-timeout 500 "$@" >"$work/out" 2>"$work/err"
  status=$? output=$(cat "$work/out") errors=$(cat "$work/err")
}
fail() { printf '%s\nstatus %s\nstdout: %s\nstderr: %s\nserver: %s\n' "$1" "$status" "$output" "$errors" "$(cat "$work/server")"; exit 1; }
works() { [[ $status -eq 0 && $output == "$1" ]] || fail "should answer $1"; }
says() { [[ $errors == *"$1"* ]] || fail "does not say: $1"; }
slot=(--vault "$work/vault" --slot 0)

case $3 in
  exchanges_messages_in_the_suite_of_the_profile)
    run telemetry --bundle "$work/cred"
    works yrtemelet
    says 'version=DTLSv1.2 suite=TLS_PSK_WITH_AES_128_CCM_8 keyExchange=PSK imported=false'
    says 'resumed=false connectionId=0 messageMax=' ;;
  asks_for_connection_id_and_fragment_length)
    run telemetry --bundle "$work/cred" --cid --mfl 512
    works yrtemelet
    says 'connectionId=6 messageMax=512' ;;
  sleeps_and_wakes_up_into_data)
    run one --bundle "$work/cred" "${slot[@]}" --cid --sleep
    works eno
    says 'resumed=false'
    for line in two three; do
      run $line "${slot[@]}" --cid --sleep --wake
      works "$(rev <<<$line)"
      says 'handshakeBytesSent=0 handshakeBytesReceived=0 resumed=true connectionId=6'
    done
    run four "${slot[@]}" --cid --wake
    works ruof
    says 'resumed=true'
    run five "${slot[@]}" --cid --wake                # it was closed, not saved
    works evif
    says 'resumed=false' ;;
  killed_while_awake_makes_a_handshake)
    run one --bundle "$work/cred" "${slot[@]}" --cid --sleep
    works eno
    [ -e "$work/vault/slot-0.assoc" ] || fail 'should have saved the association'
    { sleep 30 & echo $! >"$work/sleeper"; wait; } | "$client" 127.0.0.1 "$port" --dtls "${slot[@]}" --cid --wake 2>"$work/awake" >/dev/null &
    for _ in {1..100}; do grep -q resumed=true "$work/awake" 2>/dev/null && break; sleep 0.05; done
    [ ! -e "$work/vault/slot-0.assoc" ] || fail 'should have erased the association'
    kill -KILL "$!"
    kill "$(cat "$work/sleeper")"
    run two --vault "$work/vault" --slot 0 --wake --timeout 1500
    [[ $errors != *resumed=true* ]] || fail 'must not use the association again' ;;
  refuses_to_sleep_without_a_vault)
    run one --bundle "$work/cred" --sleep
    [ "$status" -eq 2 ] || fail 'should show the usage' ;;
  tells_that_nobody_answers)
    port=9
    run one --bundle "$work/cred" --timeout 700
    [ "$status" -eq 1 ] || fail 'should fail'
    says 'did not finish it in time' ;;
  *) echo "there is no case $3"; exit 2 ;;
esac
