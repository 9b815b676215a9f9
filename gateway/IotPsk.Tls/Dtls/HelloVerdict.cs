namespace IotPsk.Tls;

/// <summary>What is to be done with a datagram from an address that is not known.</summary>
public enum HelloVerdict
{
    /// <summary>Nothing: it is no ClientHello, or a fragment that cannot be judged alone.</summary>
    Drop,

    /// <summary>Send what was written to where the datagram came from, and forget it.</summary>
    Answer,

    /// <summary>The sender receives at its address: create a server for it and give that this datagram.</summary>
    Accept,
}
