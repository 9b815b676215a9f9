namespace IotPsk.Device
{
    /// <summary>Hears of resources that have another value.</summary>
    internal interface IResourceWatcher
    {
        void OnChanged(Lwm2mPath path);
    }
}
