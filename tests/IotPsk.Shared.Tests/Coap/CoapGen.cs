using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

/// <summary>A message as a test thinks of it.</summary>
internal sealed record CoapSample(CoapType Type, int Code, int MessageId, byte[] Token, (int Number, byte[] Value)[] Options, byte[] Payload)
{
    /// <summary>Its bytes, written here a second time from RFC 7252 s3.</summary>
    public byte[] Encode()
    {
        var bytes = new List<byte> { (byte)(0x40 | ((int)Type << 4) | Token.Length), (byte)Code, (byte)(MessageId >> 8), (byte)MessageId };
        bytes.AddRange(Token);
        int before = 0;
        foreach ((int number, byte[] value) in Options)
        {
            (int delta, byte[] deltaMore) = Split(number - before);
            (int length, byte[] lengthMore) = Split(value.Length);
            bytes.AddRange([(byte)((delta << 4) + length), .. deltaMore, .. lengthMore, .. value]);
            before = number;
        }
        if (Payload.Length > 0)
            bytes.AddRange([0xff, .. Payload]);
        return [.. bytes];
    }

    private static (int Nibble, byte[] More) Split(int value) => value switch
    {
        < 13 => (value, []),
        < 269 => (13, [(byte)(value - 13)]),
        _ => (14, [(byte)((value - 269) / 256), (byte)((value - 269) % 256)]),
    };
}

internal static class CoapGen
{
    private static readonly int[] Known = [1, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 20, 23, 27, 28, 35, 39, 60, 252, 258, 292];

    private static Gen<int> Numbers { get; } = Gen.OneOf(Gen.Elements(Known), Gen.Choose(1, 300), Gen.Choose(1, 65535), Gen.Elements(12, 13, 14, 268, 269, 270, 65535));

    private static Gen<int> Lengths { get; } = Gen.OneOf(Gen.Choose(0, 12), Gen.Elements(12, 13, 14, 268, 269, 270), Gen.Choose(0, 700));

    /// <summary>Options of any number and length, as a stranger might send them.</summary>
    public static Gen<(int, byte[])[]> AnyOptions { get; } =
        from count in Gen.Choose(0, 8)
        from options in Option(Lengths).ListOf(count)
        select options.OrderBy(o => o.Item1).ToArray();

    /// <summary>Options as their definitions have them.</summary>
    public static Gen<(int, byte[])[]> RightOptions { get; } =
        from options in AnyOptions
        select options
            .Where(o => CoapOption.IsLengthAllowed(o.Item1, o.Item2.Length))
            .Where((o, i) => CoapOption.IsRepeatable(o.Item1) || !CoapOption.IsKnown(o.Item1) || options.Where(p => CoapOption.IsLengthAllowed(p.Item1, p.Item2.Length)).First(p => p.Item1 == o.Item1).Item2 == o.Item2)
            .ToArray();

    public static Gen<CoapSample> Messages(Gen<(int, byte[])[]> options) =>
        from type in Gen.Elements(CoapType.Confirmable, CoapType.NonConfirmable, CoapType.Acknowledgement)
        from request in Gen.Elements(true, false)
        from detail in Gen.Choose(1, 31)
        from responseClass in Gen.Elements(2, 4, 5)
        from id in Gen.Choose(0, 65535)
        from token in Samples.Bytes(0, 8)
        from chosen in options
        from payload in Gen.OneOf(Gen.Constant(Array.Empty<byte>()), Samples.Bytes(1, 200))
        select new CoapSample(type, request && type != CoapType.Acknowledgement ? detail : (responseClass * 32) + detail, id, token, chosen, payload);

    private static Gen<(int, byte[])> Option(Gen<int> lengths) =>
        from number in Numbers
        from length in lengths
        from first in Gen.Choose(0, 255)
        select (number, Enumerable.Range(first, length).Select(i => (byte)i).ToArray());
}
