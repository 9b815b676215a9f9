namespace IotPsk.Shared
{
    /// <summary>The fields of SenML: the numbers of CBOR and the names of JSON (RFC 8428 s4.3 table 1, s6 table 4).</summary>
    internal static class SenmlLabel
    {
        internal const int BaseSum = -6;
        internal const int BaseValue = -5;
        internal const int BaseUnit = -4;
        internal const int BaseTime = -3;
        internal const int BaseName = -2;
        internal const int BaseVersion = -1;
        internal const int Name = 0;
        internal const int Unit = 1;
        internal const int Value = 2;
        internal const int Text = 3;
        internal const int Flag = 4;
        internal const int Sum = 5;
        internal const int Time = 6;
        internal const int UpdateTime = 7;
        internal const int Data = 8;

        // Has a name only, in CBOR too (OMA LwM2M 1.1 s7.4.4, s7.4.5).
        internal const int ObjectLink = 9;

        internal const int Unknown = 10;
        internal const int MustUnderstand = 11;

        private static readonly string[] Names = { "bs", "bv", "bu", "bt", "bn", "bver", "n", "u", "v", "vs", "vb", "s", "t", "ut", "vd", "vlo" };

        internal static string GetName(int label)
        {
            return Names[label - BaseSum];
        }

        internal static int FromName(string name)
        {
            for (int i = 0; i < Names.Length; i++)
            {
                if (Names[i] == name)
                {
                    return BaseSum + i;
                }
            }

            return name.Length > 0 && name[name.Length - 1] == '_' ? MustUnderstand : Unknown;
        }

        internal static int FromNumber(long number)
        {
            return number >= BaseSum && number <= Data ? (int)number : Unknown;
        }
    }
}
