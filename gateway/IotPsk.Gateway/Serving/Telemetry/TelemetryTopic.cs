using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Topics of messages and of commands.</summary>
internal static class TelemetryTopic
{
    // Mosquitto ends the connection of who publishes on more than 200 levels: such a message would never leave.
    private const int MaxLevels = 128, MaxLength = 4096;
    private const string CommandLevel = "cmd";

    /// <summary>Whether every broker takes a message on it: no wildcards (MQTT 3.1.1 s4.7), no control or non-characters (s1.5.3), not too long.</summary>
    internal static bool IsGood(string topic) =>
        topic.Length <= MaxLength && MqttTopic.IsName(topic) && topic[0] != '/' && topic.AsSpan().Count('/') < MaxLevels && !HasOddCharacter(topic);

    /// <summary>What devices' commands come on.</summary>
    internal static string CommandFilter(string prefix) => $"{prefix}/+/{CommandLevel}/#";

    /// <summary>Takes <c>prefix/device/cmd/command</c> apart.</summary>
    internal static bool TryReadCommand(string topic, string prefix, out string device, out string command)
    {
        device = command = "";
        if (!topic.StartsWith(prefix, StringComparison.Ordinal) || topic.Length <= prefix.Length || topic[prefix.Length] != '/')
            return false;
        string[] levels = topic[(prefix.Length + 1)..].Split('/', 3);
        if (levels.Length != 3 || levels[1] != CommandLevel || levels[2].Length == 0 || !DeviceId.IsValid(levels[0]))
            return false;
        (device, command) = (levels[0], levels[2]);
        return true;
    }

    /// <summary>Where answers go that were not asked for elsewhere.</summary>
    internal static string Reply(string device, string command) => $"{device}/reply/{command}";

    /// <summary>
    /// Whether an answer may go to <c>device/topic</c>: not among the commands, where it would come back as one.
    /// </summary>
    internal static bool IsReply(string device, string topic) =>
        topic.Length > 0 && topic != CommandLevel && !topic.StartsWith(CommandLevel + "/", StringComparison.Ordinal) && topic[0] != '/' && IsGood($"{device}/{topic}");

    private static bool HasOddCharacter(string topic)
    {
        foreach (char c in topic)
        {
            if (char.IsControl(c) || c is >= '\ufdd0' and <= '\ufdef' or '\ufffe' or '\uffff')
                return true;
        }
        return topic.EnumerateRunes().Any(rune => (rune.Value & 0xfffe) == 0xfffe);
    }
}
