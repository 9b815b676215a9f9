namespace IotPsk.Device
{
    /// <summary>What only the board can tell about itself, and do. Called on the client's thread.</summary>
    public interface IDeviceActions
    {
        /// <summary>Free memory, in bytes; negative if it is not known.</summary>
        long FreeMemory { get; }

        /// <summary>The server wants the device to start anew. Its answer has not been sent yet: do it a little later.</summary>
        void Reboot();
    }
}
