namespace IotPsk.Shared
{
    /// <summary>What an item of LwM2M TLV is (OMA LwM2M 1.1 s7.4.3, bits 7 and 6 of the type).</summary>
    public enum TlvKind
    {
        /// <summary>An object instance: its value is a row of resources.</summary>
        ObjectInstance = 0,

        /// <summary>One instance of a resource that has several.</summary>
        ResourceInstance = 1,

        /// <summary>A resource of several instances: its value is a row of them.</summary>
        MultipleResource = 2,

        /// <summary>A resource with a single value.</summary>
        Resource = 3,
    }
}
