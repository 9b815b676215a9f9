using System.Collections.Concurrent;
using System.Text;
using IotPsk.Tls;

namespace IotPsk.Net.Tests.Support;

/// <summary>Knows one key; what it does with a request can be replaced.</summary>
internal sealed class TestResolver : IPskResolver
{
    internal const string Device = "device-1~1";
    internal static readonly byte[] Key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    /// <summary>What Resolve does; by default every identity that begins with "device" gets <see cref="Key"/> at once.</summary>
    internal Action<PskRequest> OnResolve { get; set; } = ProvideNow;

    internal ConcurrentQueue<object> Verifications { get; } = [];

    internal ConcurrentQueue<(object? Tag, TlsError Cause)> Failures { get; } = [];

    internal static void ProvideNow(PskRequest request)
    {
        var identity = Encoding.UTF8.GetString(request.Identity(0));
        if (identity.StartsWith("device", StringComparison.Ordinal)) Provide(request, identity);
        else request.Reject($"unknown device {identity}");
    }

    internal static void Provide(PskRequest request, object tag) => request.Provide(0, Key, PskBinder.External, TlsHash.Sha256, tag);

    public void Resolve(PskRequest request) => OnResolve(request);

    /// <summary>Nothing is kept, for tests that count memory.</summary>
    internal bool IsDeaf { get; set; }

    public void Verified(object tag)
    {
        if (!IsDeaf) Verifications.Enqueue(tag);
    }

    public void Failed(object? tag, TlsError cause) => Failures.Enqueue((tag, cause));
}
