namespace IotPsk.Tls.Dtls;

/// <summary>Where the owner keeps the session of a connection.</summary>
internal sealed record DtlsCachedSession(ISessionCache Cache, byte[] SessionId)
{
    public void Remove() => Cache.Remove(SessionId);
}
