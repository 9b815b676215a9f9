using IotPsk.Lwm2m.Management;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>How a firmware update ended.</summary>
/// <param name="Result">What the device says (object 5, resource 5); null if it said nothing.</param>
/// <param name="Problem">What went wrong, in a sentence; null if nothing did.</param>
internal sealed record FirmwareOutcome(int? Result, string? Problem)
{
    internal const int Success = 1;

    internal bool IsSuccess => Problem is null;

    /// <summary>A result as object 5 names it (OMA LwM2M 1.1 E.6, resource 5).</summary>
    internal static string NameOf(int result) => result switch
    {
        0 => "nothing yet",
        Success => "updated",
        2 => "not enough flash memory for the package",
        3 => "out of RAM while downloading",
        4 => "the connection was lost while downloading",
        5 => "the integrity check of the package failed",
        6 => "the type of the package is not supported",
        7 => "the URI is invalid",
        8 => "the update failed",
        9 => "the protocol of the URI is not supported",
        10 => "the update was cancelled",
        11 => "the update was deferred",
        _ => "a result that is not known",
    };

    internal Lwm2mAnswer ToAnswer() => IsSuccess
        ? new Lwm2mAnswer { Code = CoapCode.Changed }
        : new Lwm2mAnswer { Code = Result is > Success ? CoapCode.InternalServerError : CoapCode.ServiceUnavailable, Reason = Problem };
}
