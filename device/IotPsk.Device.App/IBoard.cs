namespace IotPsk.Device.App
{
    /// <summary>The board the application runs on.</summary>
    public interface IBoard
    {
        /// <summary>Milliseconds since the start.</summary>
        long Uptime { get; }

        /// <summary>Free memory, in bytes.</summary>
        long FreeMemory { get; }

        /// <summary>Reads the temperature.</summary>
        /// <param name="tenths">Tenths of a degree Celsius.</param>
        /// <returns>False if the board has no sensor, or it does not answer.</returns>
        bool TryReadTemperature(out int tenths);

        /// <summary>Starts anew. On a board it does not return; where it does, the application ends.</summary>
        void Reboot();
    }
}
