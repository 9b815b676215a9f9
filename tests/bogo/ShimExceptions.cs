namespace IotPsk.Bogo;

/// <summary>A flag or a feature that this engine does not have.</summary>
internal sealed class NotImplementedHereException(string what) : Exception(what);

/// <summary>The connection failed, or was not what the flags expect. The message holds the reason between colons.</summary>
internal sealed class ShimFailureException(string reason) : Exception($":{reason}:");
