using System;
using System.IO;

namespace IotPsk.Device.App
{
    /// <summary>
    /// Firmware that comes in goes to a file of the internal drive, where whatever flashes this board finds it. The runtime has no way to start with it by
    /// itself, so an update ends with "failed" instead of pretending.
    /// </summary>
    public sealed class FileSink : IFirmwareSink, IDisposable
    {
        // What a 4 MB board's drive has room for beside its settings.
        private const int Capacity = 192 << 10;
        private const string Unfinished = ".part";

        private readonly string _path;
        private FileStream _file;
        private int _length;

        /// <summary>A sink.</summary>
        /// <param name="path">The file.</param>
        public FileSink(string path)
        {
            _path = path;
        }

        /// <inheritdoc/>
        public string PackageName
        {
            get { return File.Exists(_path) ? _path : null; }
        }

        /// <inheritdoc/>
        public string PackageVersion
        {
            get { return null; }
        }

        /// <inheritdoc/>
        public bool Begin(int size)
        {
            Abort();
            if (size > Capacity)
            {
                return false;
            }

            _file = new FileStream(_path + Unfinished, FileMode.Create, FileAccess.Write);
            _length = 0;
            return true;
        }

        /// <inheritdoc/>
        public bool Write(byte[] buffer, int offset, int count)
        {
            if (_file == null || count > Capacity - _length)
            {
                return false;
            }

            _file.Write(buffer, offset, count);
            _length += count;
            return true;
        }

        /// <inheritdoc/>
        public bool Finish()
        {
            Close();
            if (_length == 0)
            {
                return false;
            }

            File.Move(_path + Unfinished, _path);
            return true;
        }

        /// <inheritdoc/>
        public void Abort()
        {
            Close();
            Erase(_path + Unfinished);
            Erase(_path);
        }

        /// <inheritdoc/>
        public bool Apply()
        {
            return false;
        }

        /// <summary>Closes the file; what is unfinished stays so.</summary>
        public void Dispose()
        {
            Close();
        }

        private void Close()
        {
            if (_file != null)
            {
                _file.Close();
                _file = null;
            }
        }

        private static void Erase(string path)
        {
            if (File.Exists(path))
            {
                File.Delete(path);
            }
        }
    }
}
