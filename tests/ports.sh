# TCP ports of 127.0.0.1, for scripts that source this.

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A run of $1 free ports, below the range the kernel hands out.
free_ports() {
  local base port i
  for ((i = 0; i < 100; i++)); do
    base=$((20000 + RANDOM % 10000))
    for ((port = base; port < base + $1; port++)); do if answers "$port"; then continue 2; fi; done
    echo "$base"
    return
  done
  echo "there are no $1 free ports in a row" >&2
  return 1
}
