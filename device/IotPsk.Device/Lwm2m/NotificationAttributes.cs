using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>When the observers of a path are notified (OMA LwM2M 1.1 s5.1.2).</summary>
    internal sealed class NotificationAttributes
    {
        private readonly Lwm2mPath _path;

        internal NotificationAttributes(Lwm2mPath path)
        {
            _path = path;
        }

        internal Lwm2mPath Path
        {
            get { return _path; }
        }

        // Seconds; -1: not given.
        internal int MinimumPeriod { get; set; } = -1;

        internal int MaximumPeriod { get; set; } = -1;

        // Not a number: not given.
        internal double GreaterThan { get; set; } = double.NaN;

        internal double LessThan { get; set; } = double.NaN;

        internal double Step { get; set; } = double.NaN;

        internal bool IsEmpty
        {
            get { return MinimumPeriod < 0 && MaximumPeriod < 0 && !HasValueCondition; }
        }

        internal bool HasValueCondition
        {
            get { return !double.IsNaN(GreaterThan) || !double.IsNaN(LessThan) || !double.IsNaN(Step); }
        }

        internal bool IsConsistent
        {
            get
            {
                // s5.1.2: lt + 2 * st < gt, where they are given; comparisons with what is not are false.
                bool bad = LessThan >= GreaterThan || LessThan + (2 * Step) >= GreaterThan;
                return !bad && !(Step < 0);
            }
        }

        internal NotificationAttributes Copy()
        {
            NotificationAttributes copy = new NotificationAttributes(_path);
            copy.Inherit(this);
            return copy;
        }

        internal void Inherit(NotificationAttributes above)
        {
            MinimumPeriod = MinimumPeriod < 0 ? above.MinimumPeriod : MinimumPeriod;
            MaximumPeriod = MaximumPeriod < 0 ? above.MaximumPeriod : MaximumPeriod;
            GreaterThan = double.IsNaN(GreaterThan) ? above.GreaterThan : GreaterThan;
            LessThan = double.IsNaN(LessThan) ? above.LessThan : LessThan;
            Step = double.IsNaN(Step) ? above.Step : Step;
        }

        // One argument of a write; without a value the attribute is taken away. False for what is none.
        internal bool Take(string argument)
        {
            int equals = argument.IndexOf('=');
            string name = equals < 0 ? argument : argument.Substring(0, equals);
            string text = equals < 0 ? string.Empty : argument.Substring(equals + 1);
            double number = double.NaN;
            int period = -1;
            bool right = text.Length == 0;
            if (name == "pmin" || name == "pmax")
            {
                right |= int.TryParse(text, out period) && period >= 0;
                period = text.Length == 0 ? -1 : period;
            }
            else if (!right)
            {
                right = double.TryParse(text, out number) && !double.IsNaN(number) && !double.IsInfinity(number);
            }

            if (name == "pmin")
            {
                MinimumPeriod = period;
            }
            else if (name == "pmax")
            {
                MaximumPeriod = period;
            }
            else if (name == "gt" || name == "lt" || name == "st")
            {
                // Of a resource alone.
                right &= _path.Depth >= 3;
                Put(name, number);
            }
            else
            {
                right = false;
            }

            return right;
        }

        internal void Describe(LinkWriter link)
        {
            if (MinimumPeriod >= 0)
            {
                link.AddAttribute("pmin", MinimumPeriod.ToString());
            }

            if (MaximumPeriod >= 0)
            {
                link.AddAttribute("pmax", MaximumPeriod.ToString());
            }

            Describe(link, "gt", GreaterThan);
            Describe(link, "lt", LessThan);
            Describe(link, "st", Step);
        }

        // Whether a change from one value to another is worth a notification.
        internal bool IsWorth(double before, double now)
        {
            if (!HasValueCondition || double.IsNaN(before) || double.IsNaN(now))
            {
                return true;
            }

            double change = now > before ? now - before : before - now;
            return (!double.IsNaN(GreaterThan) && (before > GreaterThan) != (now > GreaterThan))
                || (!double.IsNaN(LessThan) && (before < LessThan) != (now < LessThan))
                || (!double.IsNaN(Step) && change >= Step);
        }

        private static void Describe(LinkWriter link, string name, double number)
        {
            if (!double.IsNaN(number))
            {
                link.AddAttribute(name, number.ToString());
            }
        }

        private void Put(string name, double number)
        {
            if (name == "gt")
            {
                GreaterThan = number;
            }
            else if (name == "lt")
            {
                LessThan = number;
            }
            else
            {
                Step = number;
            }
        }
    }
}
