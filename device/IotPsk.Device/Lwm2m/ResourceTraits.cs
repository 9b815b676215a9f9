namespace IotPsk.Device
{
    /// <summary>What can be done with a resource, and the type of its value (OMA LwM2M 1.1 appendix C): a sum of these.</summary>
    public static class ResourceTraits
    {
        /// <summary>It can be read.</summary>
        public const int Read = 1;

        /// <summary>It can be written.</summary>
        public const int Write = 2;

        /// <summary>It can be executed.</summary>
        public const int Execute = 4;

        /// <summary>It has instances.</summary>
        public const int Multiple = 8;

        /// <summary>A signed integer.</summary>
        public const int WholeNumber = 0x10;

        /// <summary>A number.</summary>
        public const int Number = 0x20;

        /// <summary>Text.</summary>
        public const int Text = 0x30;

        /// <summary>False or true.</summary>
        public const int Boolean = 0x40;

        /// <summary>Bytes.</summary>
        public const int Opaque = 0x50;

        /// <summary>Seconds since 1970.</summary>
        public const int Time = 0x60;

        /// <summary>An object and one of its instances.</summary>
        public const int ObjectLink = 0x70;

        internal const int TypeMask = 0x70;
    }
}
