namespace IotPsk.Device
{
    /// <summary>Object links as text: object, colon, instance (OMA LwM2M 1.1 appendix C).</summary>
    internal static class ObjectLinks
    {
        internal static bool Split(string text, out int objectId, out int instance)
        {
            int colon = text == null ? -1 : text.IndexOf(':');
            objectId = 0xffff;
            instance = 0xffff;
            return colon > 0
                && int.TryParse(text.Substring(0, colon), out objectId) && objectId >= 0 && objectId <= 0xffff
                && int.TryParse(text.Substring(colon + 1), out instance) && instance >= 0 && instance <= 0xffff;
        }
    }
}
