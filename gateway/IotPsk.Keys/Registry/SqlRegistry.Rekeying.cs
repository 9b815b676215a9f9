namespace IotPsk.Keys;

/// <summary>Which devices were given the key of a newer epoch, and when.</summary>
internal abstract partial class SqlRegistry
{
    // All that RekeyRules asks, of the registry as it is in this transaction.
    private const string GrantRekey = """
        UPDATE devices SET rekeyed_at = @now, change = @change
        WHERE id = @id AND mode = 0 AND revoked_at IS NULL AND generation = @generation
            AND (rekeyed_at IS NULL OR abs(@now - rekeyed_at) >= @pause)
            AND EXISTS (SELECT 1 FROM epochs WHERE number = @from AND state = 2 AND compromised_at IS NULL)
            AND EXISTS (SELECT 1 FROM epochs WHERE number = @to AND state = 1)
        """;

    /// <inheritdoc/>
    public RekeyVerdict NoteRekey(RekeyRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var granted = Write(session => session.Execute(
            GrantRekey,
            ("@now", Now), ("@change", NextChange(session)), ("@id", request.DeviceId), ("@generation", request.Generation),
            ("@pause", (long)RekeyRules.Pause.TotalMilliseconds), ("@from", request.From), ("@to", request.To))) > 0;
        if (granted)
            return RekeyVerdict.Granted;
        // Written means read again: memory now tells why. What changed once more in between is not granted either.
        var reason = RekeyRules.Judge(this, request, _time.GetUtcNow());
        return reason == RekeyVerdict.Granted ? RekeyVerdict.NotAccepted : reason;
    }
}
