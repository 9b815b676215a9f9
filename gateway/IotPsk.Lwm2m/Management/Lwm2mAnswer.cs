using IotPsk.Shared;

namespace IotPsk.Lwm2m.Management;

/// <summary>Why an operation has no answer of the device.</summary>
public enum Lwm2mFailure
{
    /// <summary>It has one.</summary>
    None = 0,

    /// <summary>The operation makes no sense: a verb that does not go with the path, a value that cannot be written.</summary>
    Invalid = 1,

    /// <summary>The device is not registered, or its registration ended meanwhile.</summary>
    NotRegistered = 2,

    /// <summary>Too much waits for the device, or for all of them, already.</summary>
    QueueFull = 3,

    /// <summary>Time ran out before the device woke, or before it answered.</summary>
    TimedOut = 4,

    /// <summary>The device does not take such messages: it answered with a reset or with blocks that do not fit.</summary>
    Rejected = 5,

    /// <summary>The association ended while the device worked on it; whether it was done is not known.</summary>
    Interrupted = 6,

    /// <summary>Whoever asked did not want it any more, or the gateway stops.</summary>
    Cancelled = 7,

    /// <summary>The device's answer cannot be read.</summary>
    Unreadable = 8,
}

/// <summary>How an operation ended.</summary>
public sealed record Lwm2mAnswer
{
    /// <summary>The code of the device's response; where it gave none, that of the gateway.</summary>
    public required CoapCode Code { get; init; }

    /// <summary>Why the device gave none.</summary>
    public Lwm2mFailure Failure { get; init; }

    /// <summary>What went wrong, in a sentence; of an error of the device what it says about it. Null if nothing did.</summary>
    public string? Reason { get; init; }

    /// <summary>The values, with their whole paths as names.</summary>
    public IReadOnlyList<SenmlRecord> Records { get; init; } = [];

    /// <summary>What the device listed (discover), in the CoRE link format; null for anything else.</summary>
    public string? Links { get; init; }

    /// <summary>The path of an instance that was made, for example <c>/3/1</c>; null if it is not told.</summary>
    public string? Location { get; init; }

    /// <summary>Whether the device did what it was asked.</summary>
    public bool IsSuccess => Failure == Lwm2mFailure.None && CoapCodes.GetClass(Code) == 2;

    internal static Lwm2mAnswer Failed(Lwm2mFailure failure, string reason) => new()
    {
        Code = failure switch
        {
            Lwm2mFailure.Invalid => CoapCode.BadRequest,
            Lwm2mFailure.NotRegistered => CoapCode.NotFound,
            Lwm2mFailure.QueueFull => CoapCode.TooManyRequests,
            Lwm2mFailure.TimedOut => CoapCode.GatewayTimeout,
            Lwm2mFailure.Rejected or Lwm2mFailure.Unreadable => CoapCode.BadGateway,
            _ => CoapCode.ServiceUnavailable,
        },
        Failure = failure,
        Reason = reason,
    };
}
