namespace IotPsk.Device
{
    /// <summary>Where a firmware update is (OMA LwM2M 1.1 appendix E.6, resource 3).</summary>
    public enum FirmwareState
    {
        /// <summary>Nothing goes on.</summary>
        Idle = 0,

        /// <summary>A package comes in.</summary>
        Downloading = 1,

        /// <summary>A package is whole and was checked.</summary>
        Downloaded = 2,

        /// <summary>The device is about to start with it.</summary>
        Updating = 3,
    }
}
