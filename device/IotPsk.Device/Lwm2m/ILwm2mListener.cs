namespace IotPsk.Device
{
    /// <summary>Hears what becomes of a device's registration and values. Called on the client's thread.</summary>
    public interface ILwm2mListener
    {
        /// <summary>The device is registered.</summary>
        /// <param name="location">Its path at the server.</param>
        void OnRegistered(string location);

        /// <summary>The server has a value.</summary>
        /// <param name="sequence">What <see cref="Lwm2mClient.Report"/> returned for it.</param>
        void OnDelivered(int sequence);
    }
}
