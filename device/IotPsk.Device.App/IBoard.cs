namespace IotPsk.Device.App
{
    /// <summary>The board that the application runs on: what it measures, and what only it can do.</summary>
    public interface IBoard
    {
        /// <summary>Milliseconds since the start.</summary>
        long Uptime { get; }

        /// <summary>Free memory, in bytes.</summary>
        long FreeMemory { get; }

        /// <summary>The model, for people; may be null.</summary>
        string Model { get; }

        /// <summary>The version of what it runs; may be null.</summary>
        string FirmwareVersion { get; }

        /// <summary>Where firmware goes; null if it cannot be changed over the air.</summary>
        IFirmwareSink FirmwareSink { get; }

        /// <summary>What became of the update before this start.</summary>
        FirmwareResult LastUpdate { get; }

        /// <summary>Reads the temperature.</summary>
        /// <param name="tenths">Tenths of a degree Celsius.</param>
        /// <returns>False if the board has no sensor, or it does not answer.</returns>
        bool TryReadTemperature(out int tenths);

        /// <summary>Joins the network that its stored configuration names. It needs no time of day.</summary>
        /// <param name="timeout">How long that may take, in milliseconds.</param>
        /// <returns>False if there is none in reach, or it refuses.</returns>
        bool TryJoinNetwork(int timeout);

        /// <summary>Gives what was kept, once, and forgets it.</summary>
        /// <returns>What <see cref="KeepState"/> got before the sleep; null if nothing was kept.</returns>
        byte[] TakeState();

        /// <summary>Keeps a few hundred bytes over a deep sleep, in memory that has power meanwhile, or in flash. There is no key among them.</summary>
        /// <param name="state">The bytes.</param>
        void KeepState(byte[] state);

        /// <summary>Sleeps deeply. A board starts anew after it and does not come back; a virtual one ends its run.</summary>
        /// <param name="milliseconds">For how long.</param>
        void Sleep(int milliseconds);

        /// <summary>Starts anew. A board does not come back; a virtual one ends its run.</summary>
        void Reboot();
    }
}
