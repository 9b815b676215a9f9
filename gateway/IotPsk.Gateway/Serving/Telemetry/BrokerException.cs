namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Why a connection to the broker ended, or did not come about.</summary>
internal sealed class BrokerException(string cause, bool closedByBroker = false, Exception? inner = null) : Exception(cause, inner)
{
    /// <summary>The broker ended it after it had accepted us, or did not answer a message: perhaps for what we sent.</summary>
    internal bool ClosedByBroker { get; } = closedByBroker;
}
