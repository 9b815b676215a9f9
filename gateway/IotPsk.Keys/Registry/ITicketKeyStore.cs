namespace IotPsk.Keys;

/// <summary>Keys of session tickets, wrapped: every gateway of the registry finds the same ones.</summary>
internal interface ITicketKeyStore
{
    /// <summary>The keys, the newest first.</summary>
    IReadOnlyList<WrappedTicketKey> ReadTicketKeys();

    /// <summary>Adds a key unless one that will do is there by now, of another process.</summary>
    void AddTicketKey(WrappedTicketKey key, Func<WrappedTicketKey, bool> willDo);

    /// <summary>Erases keys.</summary>
    void EraseTicketKeys(DateTimeOffset olderThan);
}
