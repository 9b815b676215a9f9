using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.Lwm2m;
using IotPsk.Lwm2m.Values;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>Values on their way to the broker: one message of SenML-JSON for each resource, on <c>DEVICE/OBJECT/INSTANCE/RESOURCE</c>.</summary>
internal static class ValueMessages
{
    /// <summary>A time that is missing or relative is made absolute: the message may lie in a queue for hours.</summary>
    internal static void FixTimes(IReadOnlyList<SenmlRecord> records, DateTimeOffset now)
    {
        double seconds = now.ToUnixTimeMilliseconds() / 1000.0;
        foreach (SenmlRecord record in records)
        {
            if (record.IsTimeRelative)
                record.Time = Math.Round(record.Time + seconds, 3);
        }
    }

    /// <summary>Publishes values; <paramref name="taken"/> hears once whether all of them are safe.</summary>
    internal static void Publish(ITelemetryOutlet outlet, string deviceId, IReadOnlyList<SenmlRecord> records, Action<bool> taken)
    {
        (string Topic, byte[] Payload)[] messages = [.. records.GroupBy(ResourceOf).Select(group => ($"{deviceId}{group.Key}", Write(group.Key, [.. group])))];
        if (messages.Length == 0)
        {
            taken(true);
            return;
        }
        var all = new Together(messages.Length, taken);
        foreach ((string topic, byte[] payload) in messages)
            outlet.Publish(topic, payload, retain: false, all.Take);
    }

    private static string ResourceOf(SenmlRecord record) =>
        ObjectPath.TryParse(record.Name, out ObjectPath path) ? new ObjectPath(path.ObjectId, path.InstanceId, path.ResourceId).ToString() : record.Name;

    private static byte[] Write(string path, SenmlRecord[] records) => PayloadWriter.WriteSenml(CoapContentFormat.SenmlJson, path, records);

    private sealed class Together(int count, Action<bool> taken)
    {
        private int _left = count, _failed;

        internal void Take(bool isTaken)
        {
            if (!isTaken)
                Volatile.Write(ref _failed, 1);
            if (Interlocked.Decrement(ref _left) == 0)
                taken(Volatile.Read(ref _failed) == 0);
        }
    }
}
