using System.Globalization;
using System.Text;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>What telemetry says it took arrives at a subscriber of a real broker, whatever ends in between.</summary>
public sealed class TelemetryTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly string _configuration;
    private readonly int _port = FreePorts.Take();
    private readonly string _log = Path.Combine(Repository.LogDirectory("telemetry"), "mosquitto.log");
    private ChildProcess? _broker;

    // It keeps its sessions over a stop, and holds nothing back.
    public TelemetryTests()
    {
        _configuration = _directory.File("mosquitto.conf");
        File.WriteAllText(_configuration, string.Create(CultureInfo.InvariantCulture, $"""
            user root
            listener {_port} 127.0.0.1
            allow_anonymous true
            persistence true
            persistence_location {_directory.Create("broker")}/
            max_inflight_messages 0
            max_queued_messages 0
            log_dest stderr

            """), Encoding.ASCII);
    }

    private string Address => string.Create(CultureInfo.InvariantCulture, $"tcp://127.0.0.1:{_port}");

    [Fact]
    public void Everything_taken_arrives_in_its_order_though_broker_and_gateway_end_again_and_again()
    {
        string state = _directory.Create("state");
        List<int> taken = [];
        StartBroker();
        using ChildProcess subscriber = Subscribe();
        int next = 0;
        for (int round = 0; round < 3; round++)
        {
            using ChildProcess producer = Producer.Start(state, Address, next);
            Taken(producer, 300);
            StopBroker();
            Taken(producer, 600);
            if (round != 1) // once the gateway is killed while it delivers what was queued, else while the broker is away
                producer.Signal("KILL");
            StartBroker();
            Taken(producer, round == 1 ? 900 : 0);
            producer.Signal("KILL");
            producer.WaitForExit();
            taken.AddRange(Producer.Numbers(producer, "taken"));
            next = taken[^1] + 10_000;
        }
        using (ChildProcess last = Producer.Start(state, Address, next))
        {
            Taken(last, 100);
            last.Input.Write("\n"u8);
            last.Input.Flush();
            last.WaitForLine(line => line == "stopped", "it ends in order");
            taken.AddRange(Producer.Numbers(last, "taken"));
            Assert.Empty(Producer.Numbers(last, "refused"));
        }
        HashSet<int> arrived = [];
        Poll.Until(() => taken.TrueForAll((arrived = [.. Arrived(subscriber)]).Contains), "everything taken arrives",
            () => $"missing: {string.Join(' ', taken.Except(arrived).Take(20))}");
        foreach (IGrouping<int, int> device in Arrived(subscriber).Distinct().GroupBy(n => n % 7))
            Assert.Equal(device.Order(), device);
    }

    [Fact]
    public void A_full_disk_refuses_loses_nothing_and_takes_again_when_somebody_makes_room_or_the_broker_does()
    {
        string state = _directory.Create("state"), filling = Path.Combine(state, "filling");
        // The file system is in a namespace of the process alone: it goes with it.
        string script = $"""
            mount -t tmpfs -o size=8m none '{state}' && head -c 3000000 /dev/zero > '{filling}' || exit 9
            exec dotnet '{Producer.Program}' '{state}' {Address} 0 2000
            """;
        using ChildProcess producer = ChildProcess.Start("unshare", [Environment.IsPrivilegedProcess ? "-m" : "-Urm", "sh", "-c", script]);
        producer.WaitForLine(line => line.StartsWith("refused ", StringComparison.Ordinal), "the disk is full");
        producer.WaitForLine(line => line.Contains("cannot be written", StringComparison.Ordinal), "the log tells so");
        Assert.NotEmpty(Producer.Numbers(producer, "taken"));
        int before = Producer.Numbers(producer, "taken").Count();
        producer.Input.Write(Encoding.UTF8.GetBytes(filling + "\n"));
        producer.Input.Flush();
        Poll.Until(() => Producer.Numbers(producer, "taken").Count() > before, "messages are taken again", producer.Tail);
        producer.WaitForLine(line => line.Contains("can be written again", StringComparison.Ordinal), "the log tells so");

        // Full again, of messages alone this time; the broker comes and takes them, and that makes room.
        Poll.Until(() => producer.Lines.Count(line => line.Contains("cannot be written", StringComparison.Ordinal)) >= 2, "the disk is full again");
        int mark = producer.Lines.Count;
        StartBroker();
        using ChildProcess subscriber = Subscribe();
        producer.WaitForLine(line => line.Contains("can be written again", StringComparison.Ordinal), "the queue is emptied", mark);
        producer.Input.Write("\n"u8);
        producer.Input.Flush();
        producer.WaitForLine(line => line == "stopped", "it ends in order");
        int[] taken = [.. Producer.Numbers(producer, "taken")];
        Poll.Until(() => taken.All(Arrived(subscriber).ToHashSet().Contains), "everything taken arrives");
    }

    public void Dispose()
    {
        _broker?.Dispose();
        _directory.Dispose();
    }

    private static void Taken(ChildProcess producer, int count) =>
        Poll.Until(() => Producer.Numbers(producer, "taken").Count() >= count, $"{count} messages are taken", producer.Tail);

    private static IEnumerable<int> Arrived(ChildProcess subscriber) => subscriber.Lines
        .Where(line => line.StartsWith("got ", StringComparison.Ordinal))
        .Select(line => int.Parse(line.AsSpan(4), CultureInfo.InvariantCulture));

    private void StartBroker()
    {
        _broker = ChildProcess.Start("mosquitto", ["-c", _configuration], _log);
        _broker.WaitForLine(line => line.Contains(" running", StringComparison.Ordinal), "mosquitto runs");
    }

    private void StopBroker()
    {
        _broker!.Stop();
        _broker.Dispose();
        _broker = null;
    }

    // Its session outlives the broker's end; it comes back by itself.
    private ChildProcess Subscribe()
    {
        ChildProcess subscriber = ChildProcess.Start("sh", ["-c", string.Create(CultureInfo.InvariantCulture,
            $"mosquitto_sub -h 127.0.0.1 -p {_port} -c -i watcher -q 1 -t 'iotpsk/#' -F 'got %p' | stdbuf -oL cut -d' ' -f1,2")]);
        Poll.Until(() => ChildProcess.Run("mosquitto_pub", ["-h", "127.0.0.1", "-p", _port.ToString(CultureInfo.InvariantCulture), "-q", "1", "-t", "iotpsk/dev-0/start", "-m", "-7"]).ExitCode == 0
            && Arrived(subscriber).Contains(-7), "the subscriber hears");
        return subscriber;
    }
}
