namespace IotPsk.Device
{
    /// <summary>
    /// Where a firmware package goes, part by part: a partition of flash, a file. Called on the client's thread; <see cref="Begin"/> and
    /// <see cref="Finish"/> may take seconds.
    /// </summary>
    public interface IFirmwareSink
    {
        /// <summary>The name of the package that is whole, or null.</summary>
        string PackageName { get; }

        /// <summary>The version of the package that is whole, or null.</summary>
        string PackageVersion { get; }

        /// <summary>Prepares for a package; what was written before is given up.</summary>
        /// <param name="size">Its size in bytes; -1 if it is not known yet.</param>
        /// <returns>False if there is no room for it.</returns>
        bool Begin(int size);

        /// <summary>Writes the next bytes.</summary>
        /// <param name="buffer">The array that holds them.</param>
        /// <param name="offset">Where they begin.</param>
        /// <param name="count">How many there are.</param>
        /// <returns>False if there is no room for them, or they cannot be written.</returns>
        bool Write(byte[] buffer, int offset, int count);

        /// <summary>The package is whole: checks it.</summary>
        /// <returns>False if it is no firmware for this device, or damaged.</returns>
        bool Finish();

        /// <summary>Gives up what was written.</summary>
        void Abort();

        /// <summary>Lets the device start with the package the next time, and starts it anew a little later: the answer has not been sent yet.</summary>
        /// <returns>False if that cannot be.</returns>
        bool Apply();
    }
}
