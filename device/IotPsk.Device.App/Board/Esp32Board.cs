using System;
using System.Device.I2c;
using System.IO;
using System.Threading;
using nanoFramework.Hardware.Esp32;
using nanoFramework.Networking;
using nanoFramework.Runtime.Native;

namespace IotPsk.Device.App
{
    /// <summary>An ESP32 of any kind: Wi-Fi of its stored configuration, deep sleep, and a sensor of the kind of LM75 or TMP102.</summary>
    public sealed class Esp32Board : IBoard
    {
        private const string StateFile = "I:\\iotpsk.state";
        private const string FirmwareFile = "I:\\iotpsk.fw";
        private const int Bus = 1;
        private const int SensorAddress = 0x48;

        private readonly BoardSettings _settings;
        private readonly FileSink _sink = new FileSink(FirmwareFile);
        private I2cDevice _sensor;

        /// <summary>A board.</summary>
        /// <param name="settings">Where its sensor is.</param>
        public Esp32Board(BoardSettings settings)
        {
            _settings = settings;
        }

        /// <inheritdoc/>
        public long Uptime
        {
            get { return Environment.TickCount64; }
        }

        /// <inheritdoc/>
        public long FreeMemory
        {
            get { return nanoFramework.Runtime.Native.GC.Run(false); }
        }

        /// <inheritdoc/>
        public string Model
        {
            get { return SystemInfo.TargetName; }
        }

        /// <inheritdoc/>
        public string FirmwareVersion
        {
            get { return SystemInfo.Version.ToString(); }
        }

        /// <inheritdoc/>
        public IFirmwareSink FirmwareSink
        {
            get { return _sink; }
        }

        /// <inheritdoc/>
        public FirmwareResult LastUpdate
        {
            get { return FirmwareResult.Initial; }
        }

        /// <inheritdoc/>
        public bool TryReadTemperature(out int tenths)
        {
            tenths = 0;
            if (_settings.DataPin < 0 || _settings.ClockPin < 0)
            {
                return false;
            }

            if (_sensor == null)
            {
                Configuration.SetPinFunction(_settings.DataPin, DeviceFunction.I2C1_DATA);
                Configuration.SetPinFunction(_settings.ClockPin, DeviceFunction.I2C1_CLOCK);
                _sensor = I2cDevice.Create(new I2cConnectionSettings(Bus, SensorAddress));
            }

            byte[] register = new byte[2];
            if (_sensor.Read(new SpanByte(register)).BytesTransferred != register.Length)
            {
                return false;
            }

            // 1/256 of a degree, the sign in the first bit.
            tenths = (short)(register[0] << 8 | register[1]) * 10 / 256;
            return true;
        }

        /// <inheritdoc/>
        public bool TryJoinNetwork(int timeout)
        {
            using (CancellationTokenSource limit = new CancellationTokenSource(timeout))
            {
                return WifiNetworkHelper.Reconnect(false, 0, limit.Token);
            }
        }

        /// <inheritdoc/>
        public byte[] TakeState()
        {
            if (!File.Exists(StateFile))
            {
                return null;
            }

            byte[] state = File.ReadAllBytes(StateFile);
            File.Delete(StateFile);
            return state;
        }

        /// <inheritdoc/>
        public void KeepState(byte[] state)
        {
            File.WriteAllBytes(StateFile, state);
        }

        /// <inheritdoc/>
        public void Sleep(int milliseconds)
        {
            nanoFramework.Hardware.Esp32.Sleep.EnableWakeupByTimer(TimeSpan.FromMilliseconds(milliseconds));
            nanoFramework.Hardware.Esp32.Sleep.StartDeepSleep();
        }

        /// <inheritdoc/>
        public void Reboot()
        {
            Power.RebootDevice();
        }
    }
}
