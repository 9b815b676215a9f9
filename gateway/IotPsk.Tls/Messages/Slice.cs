namespace IotPsk.Tls.Messages;

/// <summary>A part of a message by its place: parsed hellos can be stored without copying what they name.</summary>
internal readonly record struct Slice(int Offset, int Length)
{
    public bool IsPresent => Offset != 0;

    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> message) => message.Slice(Offset, Length);
}
