using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Records;

/// <summary>What a state says about messages before they are whole.</summary>
internal interface IMessageLimits
{
    /// <summary>The longest body of a message of this type; -1 if none of this type may come now.</summary>
    int MaxBodyLength(HandshakeType type);
}
