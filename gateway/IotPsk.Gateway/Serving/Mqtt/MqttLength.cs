namespace IotPsk.Gateway.Serving.Mqtt;

/// <summary>A length of one to four bytes, seven bits each, the lowest first (MQTT 3.1.1 s2.2.3, MQTT 5 s1.5.5).</summary>
internal static class MqttLength
{
    internal static bool TryRead(ReadOnlySpan<byte> from, out int length, out int count, out bool isMalformed)
    {
        length = count = 0;
        isMalformed = false;
        foreach (byte digit in from)
        {
            length |= (digit & 0x7f) << (7 * count++);
            if (digit < 0x80)
                return true;
            if (count == 4)
            {
                isMalformed = true;
                return false;
            }
        }
        return false;
    }
}
