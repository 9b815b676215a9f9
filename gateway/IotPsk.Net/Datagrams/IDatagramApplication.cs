namespace IotPsk.Net;

/// <summary>
/// What serves the associations of one shard of one listener (CoAP). Called on the shard's thread: must not block, needs no
/// lock for what is its own. An exception ends the association it was called for and nothing else.
/// </summary>
public interface IDatagramApplication
{
    /// <summary>An association is open: its handshake is done, or it was restored from before a restart.</summary>
    void Opened(DatagramSession session) { }

    /// <summary>The device sent something. Replies go out together when everything that came with it was handled.</summary>
    /// <param name="session">From whom.</param>
    /// <param name="plaintext">One record's content; valid until this returns.</param>
    void Received(DatagramSession session, ReadOnlySpan<byte> plaintext);

    /// <summary>The time asked for by <see cref="DatagramShard.SetAlarm"/> is over.</summary>
    void Alarm() { }

    /// <summary>The association is over. Nothing can be sent any more.</summary>
    void Closed(DatagramSession session, CloseReason reason) { }
}
