"""Writes audio.json: what librosa computes for two made-up sounds. pip install librosa; python audio.py

librosa centres a window within the transform; ours begins at its first sample. Padding the sound by half of the difference
on each side makes the frames the same, and power spectra do not depend on the shift.
"""
import json
import pathlib

import librosa
import numpy as np
import scipy

rng = np.random.default_rng(6)


def sound(rate, seconds):
    t = np.arange(int(rate * seconds)) / rate
    y = 0.4 * np.sin(2 * np.pi * (200 + 3000 * t) * t) + 0.2 * np.sin(2 * np.pi * 700 * t) + 0.02 * rng.standard_normal(len(t))
    y[: len(t) // 6] = 0  # silence, for the floor
    return np.round(y * 2**15).astype(int)


def rounded(array):
    return [float(f'{v:.12g}') for v in np.asarray(array, np.float64).T.ravel()]


cases = []
for rate, seconds, window, fft, mels, htk, norm, low, high, floor, coefficients, lifter in [
    (16000, 0.125, 'hann', 512, 40, False, 'slaney', 0, None, 1e-10, 13, 22),
    (16000, 0.125, 'hamming', 1024, 26, True, None, 64, 7600, 1e-6, 20, 0),
    (8000, 0.2, 'hann', 256, 40, True, 'slaney', 20, None, 1e-10, 13, 22),
]:
    samples = sound(rate, seconds)
    length, hop = round(rate * 0.025), round(rate * 0.01)
    y = np.pad(samples / 2**15, (fft - length) // 2)
    power = np.abs(librosa.stft(y, n_fft=fft, hop_length=hop, win_length=length, window=window, center=False, dtype=np.complex128)) ** 2
    filters = librosa.filters.mel(sr=rate, n_fft=fft, n_mels=mels, fmin=low, fmax=high, htk=htk, norm=norm, dtype=np.float64)
    log_mel = np.log(np.maximum(floor, filters @ power))
    mfcc = librosa.feature.mfcc(S=log_mel, n_mfcc=coefficients, dct_type=2, norm='ortho', lifter=lifter)
    delta = librosa.feature.delta(mfcc, width=5, mode='nearest')
    case = {
        'options': {
            'sampleRate': rate, 'fftSize': fft, 'window': window, 'mels': mels, 'scale': 'htk' if htk else 'slaney',
            'norm': 'area' if norm else 'peak', 'minimumFrequency': low, 'maximumFrequency': high or rate / 2, 'floor': floor,
        },
        'mfcc': {'coefficients': coefficients, 'lifter': lifter},
        'samples': samples.tolist(),
        'power': rounded(power[:, ::4]),  # every fourth frame
        'filters': [float(f'{v:.12g}') for v in filters.ravel() if v > 1e-9],
        'logMel': rounded(log_mel), 'mfccs': rounded(mfcc), 'deltas': rounded(delta),
    }
    cases.append(case)

windows = {name: rounded(scipy.signal.get_window(name, n)) for name, n in [('hann', 25), ('hamming', 24)]}
mels = {scale: rounded(librosa.hz_to_mel(np.array([0.0, 50, 999, 1000, 1001, 8000]), htk=scale == 'htk')) for scale in ('htk', 'slaney')}
out = {'librosa': librosa.__version__, 'numpy': np.__version__, 'scipy': scipy.__version__, 'windows': windows, 'mels': mels, 'cases': cases}
pathlib.Path(__file__).with_name('audio.json').write_text(json.dumps(out, separators=(',', ':')) + '\n')
