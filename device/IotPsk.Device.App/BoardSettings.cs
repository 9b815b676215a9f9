using System;
using System.IO;

namespace IotPsk.Device.App
{
    /// <summary>
    /// What the file <c>I:\iotpsk.conf</c> says, a line <c>name=value</c> each: <c>protocol</c> (mqtt or lwm2m), <c>interval</c> (seconds), <c>sleep</c> (yes or no), <c>sda</c> and
    /// <c>scl</c> (pins of the sensor). Without the file, or a line of it, the defaults hold; there is nothing secret in it.
    /// </summary>
    public sealed class BoardSettings
    {
        private static readonly char[] LineEnd = new char[] { '\n' };

        private readonly TelemetrySettings _telemetry = new TelemetrySettings();
        private int _data = -1;
        private int _clock = -1;

        /// <summary>How the application behaves.</summary>
        public TelemetrySettings Telemetry
        {
            get { return _telemetry; }
        }

        /// <summary>What it speaks.</summary>
        public TelemetryProtocol Protocol
        {
            get { return _telemetry.Protocol; }
        }

        /// <summary>Whether it sleeps between its messages.</summary>
        public bool Sleeps
        {
            get { return _telemetry.Sleeps; }
        }

        /// <summary>The pin of the sensor's data; -1 without a sensor.</summary>
        public int DataPin
        {
            get { return _data; }
        }

        /// <summary>The pin of the sensor's clock; -1 without a sensor.</summary>
        public int ClockPin
        {
            get { return _clock; }
        }

        /// <summary>Reads the file.</summary>
        /// <param name="path">The file.</param>
        /// <returns>What it says.</returns>
        /// <exception cref="ArgumentException">A line of it is wrong; the message names it.</exception>
        public static BoardSettings Read(string path)
        {
            return File.Exists(path) ? Parse(File.ReadAllText(path)) : new BoardSettings();
        }

        /// <summary>Reads the text of such a file.</summary>
        /// <param name="text">The text.</param>
        /// <returns>What it says.</returns>
        /// <exception cref="ArgumentException">A line of it is wrong; the message names it.</exception>
        public static BoardSettings Parse(string text)
        {
            BoardSettings settings = new BoardSettings();
            string[] lines = text.Split(LineEnd);
            for (int i = 0; i < lines.Length; i++)
            {
                string line = lines[i].Trim();
                if (line.Length > 0 && line[0] != '#' && !settings.TryTake(line))
                {
                    throw new ArgumentException("iotpsk.conf, line " + (i + 1).ToString() + ": \"" + line + "\" is no setting; there are protocol=mqtt|lwm2m, interval=SECONDS, sleep=yes|no, sda=PIN, scl=PIN");
                }
            }

            if (settings.Sleeps && settings.Protocol != TelemetryProtocol.Lwm2m)
            {
                throw new ArgumentException("iotpsk.conf: sleep=yes goes with protocol=lwm2m");
            }

            return settings;
        }

        private bool TryTake(string line)
        {
            int equals = line.IndexOf('=');
            if (equals < 1)
            {
                return false;
            }

            string value = line.Substring(equals + 1).Trim();
            switch (line.Substring(0, equals).Trim())
            {
                case "protocol":
                    _telemetry.Protocol = value == "lwm2m" ? TelemetryProtocol.Lwm2m : TelemetryProtocol.Mqtt;
                    return value == "lwm2m" || value == "mqtt";
                case "interval":
                    bool isNumber = int.TryParse(value, out int seconds) && seconds >= 1 && seconds <= TelemetrySettings.LongestInterval / 1000;
                    _telemetry.Interval = seconds * 1000;
                    return isNumber;
                case "sleep":
                    _telemetry.Sleeps = value == "yes";
                    return value == "yes" || value == "no";
                case "sda":
                    return TryPin(value, out _data);
                case "scl":
                    return TryPin(value, out _clock);
                default:
                    return false;
            }
        }

        private static bool TryPin(string value, out int pin)
        {
            return int.TryParse(value, out pin) && pin >= 0 && pin <= 48;
        }
    }
}
