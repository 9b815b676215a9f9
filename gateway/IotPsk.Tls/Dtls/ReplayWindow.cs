namespace IotPsk.Tls.Dtls;

/// <summary>Which record numbers of an epoch were seen: the newest and the 63 before it (RFC 6347 s4.1.2.6).</summary>
internal struct ReplayWindow
{
    private const int Size = 64;

    private ulong _seen;

    /// <summary>One more than the newest number.</summary>
    public ulong Next { get; private set; }

    /// <summary>A window in which nothing below a number is new.</summary>
    public static ReplayWindow Above(ulong next) => new() { Next = next, _seen = ulong.MaxValue };

    /// <summary>False if the number was seen, or is too old to know.</summary>
    public readonly bool IsNew(ulong number)
    {
        if (number >= Next)
            return true;
        ulong age = Next - 1 - number;
        return age < Size && (_seen & (1UL << (int)age)) == 0;
    }

    /// <summary>Takes a number whose record authenticated; true if it is the newest.</summary>
    public bool Add(ulong number)
    {
        if (number < Next)
        {
            _seen |= 1UL << (int)(Next - 1 - number);
            return false;
        }

        ulong step = number + 1 - Next;
        _seen = (step < Size ? _seen << (int)step : 0) | 1;
        Next = number + 1;
        return true;
    }
}
