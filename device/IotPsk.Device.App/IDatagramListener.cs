namespace IotPsk.Device.App
{
    /// <summary>Hears what happens to an application that speaks CoAP; called on its thread.</summary>
    public interface IDatagramListener
    {
        /// <summary>There is an association: by a handshake, or one saved before.</summary>
        /// <param name="info">What was agreed on.</param>
        void OnConnected(TlsConnectionInfo info);

        /// <summary>The server answered.</summary>
        /// <param name="sequence">The message, from 1.</param>
        /// <param name="response">What it said.</param>
        void OnAnswered(int sequence, CoapResponse response);

        /// <summary>The association is lost, or none could be made.</summary>
        /// <param name="problem">Why.</param>
        /// <param name="retryIn">When it is tried again, in milliseconds; -1: never.</param>
        void OnFailed(PskException problem, int retryIn);
    }
}
