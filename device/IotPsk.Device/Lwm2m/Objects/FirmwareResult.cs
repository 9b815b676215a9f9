namespace IotPsk.Device
{
    /// <summary>What became of a firmware update (OMA LwM2M 1.1 appendix E.6, resource 5).</summary>
    public enum FirmwareResult
    {
        /// <summary>There was none yet, or one goes on.</summary>
        Initial = 0,

        /// <summary>The device runs the new firmware.</summary>
        Success = 1,

        /// <summary>There is not enough flash for the package.</summary>
        NoStorage = 2,

        /// <summary>There is not enough memory.</summary>
        NoMemory = 3,

        /// <summary>The connection was lost while the package came in.</summary>
        ConnectionLost = 4,

        /// <summary>The package is damaged.</summary>
        IntegrityFailed = 5,

        /// <summary>The package is no firmware for this device.</summary>
        UnsupportedPackage = 6,

        /// <summary>There is nothing to be had at the URI.</summary>
        InvalidUri = 7,

        /// <summary>The device could not start with it.</summary>
        UpdateFailed = 8,

        /// <summary>The URI has a scheme that the device does not speak.</summary>
        UnsupportedProtocol = 9,
    }
}
